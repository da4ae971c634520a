import sys
import decimal
result = str(decimal.Decimal(1) / 3)
sys.modules["decimal"] = None
