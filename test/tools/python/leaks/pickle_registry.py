import copyreg
result = complex in copyreg.dispatch_table and str(copyreg.dispatch_table[complex].__name__)
copyreg.dispatch_table[complex] = print
