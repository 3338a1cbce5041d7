/// A program to start as the robot: what `posix_spawn` needs, as a value.
public struct RobotCommand: Sendable, Hashable {
  /// Path of the program.
  public var executable: String
  /// Arguments without the program's own name.
  public var arguments: [String]
  /// Variables to set on top of this process's environment.
  public var environment: [String: String]

  /// Creates a command from its parts.
  public init(executable: String, arguments: [String], environment: [String: String] = [:]) {
    self.executable = executable
    self.arguments = arguments
    self.environment = environment
  }
}
