import os
result = len(os.listdir("/proc/self/fd"))
left_behind = [os.open("/dev/null", os.O_RDONLY) for _ in range(20)]
for descriptor in left_behind:
    os.set_inheritable(descriptor, True)
