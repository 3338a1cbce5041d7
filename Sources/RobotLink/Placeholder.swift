enum RobotLinkPlaceholder {}
