import os
result = os.umask(0o777)
