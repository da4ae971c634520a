import subprocess
running = subprocess.run(["sh", "-c", "cat /proc/[0-9]*/cmdline 2>/dev/null | tr \"\\0\" \" \" | grep -c \"sleep 98765.43210\""], stdout=subprocess.PIPE).stdout
result = int(running) <= 1
subprocess.Popen(["sleep", "98765.43210"], start_new_session=True)
