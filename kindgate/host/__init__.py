"""The machine that kindgate runs on: engine, tools, commands, doctor."""
