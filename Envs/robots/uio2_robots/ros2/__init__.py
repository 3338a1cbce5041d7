"""An arm that is reached through ROS 2: joint states and pictures come as messages, commands leave as messages."""
