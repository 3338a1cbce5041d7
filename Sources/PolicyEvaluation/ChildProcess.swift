import Foundation
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// A running program with its output on two pipes.
///
/// Foundation's `Process` would do for most of this; spawning by hand gives what a robot needs on top: a process group of its own (so
/// that an encoder that the robot started ends with it), default signal handling whatever this process ignores (Python installs no
/// interrupt handler when it inherits an ignored SIGINT), and one thread that sees output and end in their true order.
final class ChildProcess: Sendable {
  /// How a process ended.
  enum Exit: Hashable {
    case code(Int32)
    case signal(Int32)
  }

  private struct State {
    var identifier: pid_t
    var exit: Exit?
  }

  private let state: Mutex<State>
  private let outputs: [Int32]

  /// Starts `command` with standard input empty.
  ///
  /// - Throws: ``RolloutError`` `.cannotStart` with the system's reason.
  init(_ command: RobotCommand) throws(RolloutError) {
    let output = try Self.makePipe()
    let errors: (read: Int32, write: Int32)
    do {
      errors = try Self.makePipe()
    } catch {
      close(output.read)
      close(output.write)
      throw error
    }
    defer {
      close(output.write)
      close(errors.write)
    }
    var identifier: pid_t = 0
    let failure = Self.spawn(command, output: output.write, errors: errors.write, identifier: &identifier)
    guard failure == 0 else {
      close(output.read)
      close(errors.read)
      throw RolloutError(.cannotStart, command.executable, String(cString: strerror(failure)))
    }
    outputs = [output.read, errors.read]
    state = Mutex(State(identifier: identifier, exit: nil))
  }

  deinit {
    for descriptor in outputs { close(descriptor) }
  }

  /// Sends `signal` to the process and to all that it started; does nothing once it has ended.
  func send(_ signal: Int32) {
    state.withLock { state in
      // Under the lock: after the process was reaped its number may belong to somebody else.
      if state.exit == nil { kill(-state.identifier, signal) }
    }
  }

  /// Whether the process has ended, and how; never waits.
  func poll() -> Exit? {
    state.withLock { state in
      if let exit = state.exit { return exit }
      var status: Int32 = 0
      let identifier = waitpid(state.identifier, &status, WNOHANG)
      if identifier == state.identifier {
        let signal = status & 0x7f
        state.exit = signal == 0 ? .code((status >> 8) & 0xff) : .signal(signal)
      } else if identifier < 0 && errno != EINTR {
        state.exit = .code(-1)
      }
      return state.exit
    }
  }

  /// What arrived on the two pipes within a while.
  struct Output {
    var standardOutput: [UInt8] = []
    var standardError: [UInt8] = []
    /// Both pipes are closed: nothing will come any more.
    var ended = false
  }

  /// Waits up to `milliseconds` for output and takes what there is, up to 64 KiB a pipe.
  func read(within milliseconds: Int32, open: inout Set<Int>) -> Output {
    var result = Output()
    var descriptors = open.sorted().map { pollfd(fd: outputs[$0], events: Int16(POLLIN), revents: 0) }
    let order = open.sorted()
    guard !order.isEmpty else {
      usleep(UInt32(milliseconds) * 1000)
      result.ended = true
      return result
    }
    #if canImport(Glibc)
      let ready = Glibc.poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    #elseif canImport(Musl)
      let ready = Musl.poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    #else
      let ready = Darwin.poll(&descriptors, nfds_t(descriptors.count), milliseconds)
    #endif
    guard ready > 0 else { return result }
    for (place, descriptor) in zip(order, descriptors) where descriptor.revents != 0 {
      guard let bytes = Self.readSome(descriptor.fd) else { continue }
      if bytes.isEmpty {
        open.remove(place)
      } else if place == 0 {
        result.standardOutput = bytes
      } else {
        result.standardError = bytes
      }
    }
    result.ended = open.isEmpty
    return result
  }

  /// - Returns: `nil` when interrupted, empty at the end of the stream or on an error that will not go away.
  private static func readSome(_ descriptor: Int32) -> [UInt8]? {
    var interrupted = false
    let bytes = [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
      let length = buffer.baseAddress.map { systemRead(descriptor, $0, buffer.count) } ?? 0
      interrupted = length < 0 && (errno == EINTR || errno == EAGAIN)
      count = max(0, length)
    }
    return interrupted ? nil : bytes
  }

  private static func makePipe() throws(RolloutError) -> (read: Int32, write: Int32) {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else {
      throw RolloutError(.cannotStart, "pipe", String(cString: strerror(errno)))
    }
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    return (ends[0], ends[1])
  }

  private static func spawn(_ command: RobotCommand, output: Int32, errors: Int32, identifier: inout pid_t) -> Int32 {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, 1)
    posix_spawn_file_actions_adddup2(&actions, errors, 2)

    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var defaults = sigset_t()
    sigemptyset(&defaults)
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE] { sigaddset(&defaults, signal) }
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &defaults)
    posix_spawnattr_setpgroup(&attributes, 0)
    posix_spawnattr_setflags(
      &attributes, Int16(POSIX_SPAWN_SETPGROUP) | Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF))

    let variables = ProcessInfo.processInfo.environment.merging(command.environment) { _, new in new }
    var arguments = ([command.executable] + command.arguments).map { strdup($0) } + [nil]
    var environment = variables.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for string in arguments + environment { free(string) } }
    return posix_spawn(&identifier, command.executable, &actions, &attributes, &arguments, &environment)
  }
}

// The method `read` above hides the function of the same name.
private func systemRead(_ descriptor: Int32, _ buffer: UnsafeMutablePointer<UInt8>, _ count: Int) -> Int {
  read(descriptor, buffer, count)
}
