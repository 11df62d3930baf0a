"""How right answers are, a file a task: what `task.py` asks of each, `choose.py` lists them."""
