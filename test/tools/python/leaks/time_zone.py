import os, time
result = [time.timezone, list(time.tzname)]
os.environ["TZ"] = "Asia/Kolkata"
time.tzset()
