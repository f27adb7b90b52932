"""What happens to an application in production, done to it under load: episodes, their actions and how each is undone."""
