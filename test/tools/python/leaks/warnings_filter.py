import warnings
result = len(warnings.filters)
warnings.simplefilter("error")
