"""The pull request: context, comment, summary, publishing for forks. The only room that imports PyGithub."""
