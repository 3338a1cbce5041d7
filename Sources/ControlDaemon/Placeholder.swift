enum ControlDaemonPlaceholder {}
