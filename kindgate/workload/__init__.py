"""The load that an application really gets: routes, journeys, data, and how to turn them into bursts."""
