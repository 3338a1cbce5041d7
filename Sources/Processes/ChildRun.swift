import Dispatch
import Files
import Subprocess
import SystemPackage

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The asynchronous half of ``ChildProcess``: swift-subprocess starts the program, reads its pipes and reaps it.
enum ChildRun {
  /// Starts `command` and tells `channel` what becomes of it.
  static func begin(_ command: ChildProcess.Command, channel: ChildChannel) {
    // On threads of its own: the pool of Swift's tasks may be full of callers that wait for this very program.
    Task(executorPreference: QueueExecutor.shared) {
      do {
        let command = try command.withLifeline()
        let configuration = configuration(command)
        switch command.lifeline {
        case .standardInput:
          try await run(configuration, input: .inputWriter, channel) { execution in
            await feed(execution.standardInputWriter, from: channel)
          }
        case .none, .kernel: try await run(configuration, input: .none, channel) { _ in }
        }
      } catch {
        channel.hasFailed(ChildProcessError(.cannotStart, command.executable, reason(error, command.executable)))
      }
    }
  }

  private static func run<Input: InputProtocol>(
    _ configuration: Configuration, input: Input, _ channel: ChildChannel,
    feed: @escaping @Sendable (Execution<Input, SequenceOutput, SequenceOutput>) async -> Void
  ) async throws {
    _ = try await Subprocess.run(configuration, input: input, output: .sequence, error: .sequence) { execution in
      let identifier = execution.processIdentifier.value
      channel.hasStarted(identifier)
      async let feeding: Void = feed(execution)
      await withTaskGroup(of: Void.self) { group in
        group.addTask { await forward(execution.standardOutput, to: channel) { .output($0) } }
        group.addTask { await forward(execution.standardError, to: channel) { .diagnostics($0) } }
      }
      // Told from here: after this closure the package waits for a task on the common pool, see ``begin(_:channel:)``.
      channel.hasEnded(await exit(of: identifier))
      await feeding
    }
  }

  /// Writes what the owner writes, until it ends the input or the program has ended.
  private static func feed(_ writer: StandardInputWriter, from channel: ChildChannel) async {
    for await bytes in channel.input {
      // A program that reads no more misses nothing that it wanted.
      guard (try? await writer.write(bytes)) != nil else { return }
    }
    try? await writer.finish()
  }

  private static func forward(
    _ sequence: SubprocessOutputSequence, to channel: ChildChannel,
    _ event: ([UInt8]) -> ChildProcess.Event
  ) async {
    var iterator = sequence.makeAsyncIterator()
    // A pipe that can no longer be read has said all that it will say.
    while let buffer = try? await iterator.next() {
      let bytes = buffer.withUnsafeBytes { [UInt8]($0) }
      if !bytes.isEmpty { await channel.append(event(bytes)) }
    }
  }

  /// How the program ended, without reaping it. Both pipes are at their ends, so it has ended or is about to.
  private static func exit(of identifier: pid_t) async -> ChildProcess.Exit {
    while true {
      var information = siginfo_t()
      let result = waitid(P_PID, id_t(identifier), &information, WEXITED | WNOHANG | WNOWAIT)
      if result == 0, information.si_signo == SIGCHLD {
        let status = information._sifields._sigchld.si_status
        return Int(information.si_code) == Int(CLD_EXITED) ? .code(status) : .signal(status)
      }
      if result != 0, errno != EINTR { return .code(-1) }
      try? await Task.sleep(for: .milliseconds(10))
    }
  }

  private static func configuration(_ command: ChildProcess.Command) -> Configuration {
    var options = PlatformOptions()
    options.processGroupID = 0
    let variables = command.environment.map { (Environment.Key(stringLiteral: $0.key), $0.value) }
    return Configuration(
      executable: .path(FilePath(command.executable)), arguments: Arguments(command.arguments),
      environment: .inherit.updating(Dictionary(variables) { _, last in last }), platformOptions: options)
  }

  private static func reason(_ error: any Error, _ executable: String) -> String {
    guard let error = error as? SubprocessError else { return "\(error)" }
    // The package says the same of a program that is not there and of one that may not be run.
    if error.code == .executableNotFound, access(executable, X_OK) != 0 { return SystemReason.text() }
    return error.underlyingError.map { SystemReason.text($0.rawValue) } ?? "\(error)"
  }
}

extension ChildProcess.Command {
  private static let setpriv = "/usr/bin/setpriv"

  /// The command that ends with this process, where the kernel is to see to that.
  fileprivate func withLifeline() throws -> ChildProcess.Command {
    // Where the program cannot be run, the error has to name it and not the helper.
    guard lifeline == .kernel, access(executable, X_OK) == 0, access(Self.setpriv, X_OK) == 0 else { return self }
    var byte: CChar = 0
    // BusyBox is many programs by links, and its setpriv knows no such option.
    guard readlink(Self.setpriv, &byte, 1) < 0 else { return self }
    var command = self
    command.executable = Self.setpriv
    command.arguments = ["--pdeathsig", "KILL", executable] + arguments
    return command
  }
}

/// Runs the jobs of tasks on threads that nobody else blocks.
private final class QueueExecutor: TaskExecutor {
  static let shared = QueueExecutor()
  private let queue = DispatchQueue(label: "uio2 child processes")

  func enqueue(_ job: consuming ExecutorJob) {
    let job = UnownedJob(job)
    queue.async { job.runSynchronously(on: self.asUnownedTaskExecutor()) }
  }
}
