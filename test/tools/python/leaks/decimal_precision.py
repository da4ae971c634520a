import decimal
result = decimal.getcontext().prec
decimal.getcontext().prec = 3
decimal.DefaultContext.prec = 3
