import asyncio
result = type(asyncio.get_event_loop_policy()).__name__
class LeftBehind(asyncio.DefaultEventLoopPolicy):
    pass
asyncio.set_event_loop_policy(LeftBehind())
