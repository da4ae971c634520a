import signal
result = [str(signal.getsignal(signal.SIGTERM)), str(signal.getsignal(signal.SIGUSR1)), str(signal.getsignal(signal.SIGCHLD))]
for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGCHLD):
    signal.signal(number, signal.SIG_IGN)
