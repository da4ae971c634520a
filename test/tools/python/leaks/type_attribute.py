import fractions
result = hasattr(fractions.Fraction, "left_behind")
fractions.Fraction.left_behind = 1
