enum RobotPolicyPlaceholder {}
