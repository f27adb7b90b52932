"""The pull request: context, comment, summary, publishing for forks. The only package that imports PyGithub."""
