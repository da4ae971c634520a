import random
random_before = [random.random() for _ in range(3)]
random.seed(1)
result = random_before == [random.random() for _ in range(3)]
random.seed(1)
