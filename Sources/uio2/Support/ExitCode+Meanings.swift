import ArgumentParser

/// What the exit codes mean; the numbers are those of `sysexits.h` where it has one.
extension ExitCode {
  /// A check did not hold or a rollout did not run to its end: parity out of tolerance, too few successes, a robot that broke.
  static let failed = ExitCode(1)
  /// An option, its value or an environment variable is wrong, which can be seen without opening a file.
  static let usage = ExitCode.validationFailure
  /// A policy, a checkpoint, a picture or another file is not there, not what it should be, or does not fit the robot.
  static let badData = ExitCode(65)
  /// Something outside is not there: the daemon, the address to bind, Python, the simulator, the instructions that `UIO2_KERNELS` names.
  static let unavailable = ExitCode(69)
  /// A fault of the program.
  static let fault = ExitCode(70)
  /// A file or standard output cannot be written.
  static let unwritable = ExitCode(74)

  /// A daemon crossed its memory ceiling, told its robots, and ended; whoever watches over it starts it again.
  static let startAgain = ExitCode(75)

  /// The end that a signal asked for, as shells count it: 130 for SIGINT, 143 for SIGTERM.
  static func signal(_ number: Int32) -> ExitCode { ExitCode(128 &+ number) }

  /// The codes as `--help` tells them.
  static let table = """
    Exit codes:
      0    done; also when the reader of standard output has gone (`| head`),
           and when a signal has ended `serve`
      1    failed: out of tolerance, too few successes, a rollout cut short
      64   wrong usage: an option, its value or an environment variable
      65   bad data: a policy, checkpoint or other file is missing, broken or
           does not fit
      69   unavailable: the daemon, its address, Python, the simulator, or the
           instructions that UIO2_KERNELS names
      70   internal error
      74   output cannot be written: no space, no permission
      75   `serve` crossed its memory ceiling and told its robots; start it again
      128+ ended by a signal, cleanly: 129 SIGHUP, 130 SIGINT, 131 SIGQUIT,
           143 SIGTERM
    """
}
