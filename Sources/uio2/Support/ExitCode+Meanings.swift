import ArgumentParser

/// What the exit codes mean; the numbers are those of `sysexits.h` where it has one.
extension ExitCode {
  /// A check did not hold or a rollout did not run to its end: parity out of tolerance, too few successes, a robot that broke.
  static let failed = ExitCode(1)
  /// A policy, a checkpoint or a golden file is not what it should be, or does not fit the robot.
  static let badData = ExitCode(65)
  /// Something outside is not there: the daemon, the address to bind, Python, the simulator.
  static let unavailable = ExitCode(69)
  /// A fault of the program.
  static let fault = ExitCode(70)

  /// A daemon crossed its memory ceiling, told its robots, and ended; whoever watches over it starts it again.
  static let startAgain = ExitCode(75)

  /// The end that a signal asked for, as shells count it: 130 for SIGINT, 143 for SIGTERM.
  static func signal(_ number: Int32) -> ExitCode { ExitCode(128 &+ number) }

  /// The codes as `--help` tells them.
  static let table = """
    Exit codes:
      0    done (`serve`: stopped by SIGINT or SIGTERM)
      1    failed: out of tolerance, too few successes, a rollout cut short
      64   wrong usage
      65   bad data: a policy or checkpoint is broken or does not fit
      69   unavailable: the daemon, its address, Python or the simulator
      70   internal error
      75   `serve` crossed its memory ceiling and told its robots; start it again
      130  ended by SIGINT, cleanly
      143  ended by SIGTERM, cleanly
    """
}
