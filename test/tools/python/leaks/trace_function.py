import sys
result = [sys.gettrace(), sys.getprofile()]
sys.settrace(lambda *_: None)
sys.setprofile(lambda *_: None)
