import threading, time
result = threading.active_count()
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
