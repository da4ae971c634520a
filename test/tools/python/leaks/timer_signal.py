import signal
result = signal.getitimer(signal.ITIMER_REAL)
signal.signal(signal.SIGALRM, signal.SIG_IGN)
signal.setitimer(signal.ITIMER_REAL, 30, 1)
