"""The machine kindgate runs on: engine, tools, commands, doctor."""
