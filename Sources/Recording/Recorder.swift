import Dispatch
public import Files
import Foundation
public import Logging
import MCAP
public import RobotInterface
import Synchronization

/// Records what a daemon reads and says in an MCAP file, on a thread of its own: whoever serves robots never waits for the disk.
///
/// What comes faster than it can be written is left out and counted, in the file too. What was written half a second ago survives the
/// process, however that ends. The recording ends by itself before the disk is full, or when it cannot be written; the daemon goes on.
public final class Recorder: MessageObserver {
  /// How much may wait, and when it is written.
  public struct Options: Sendable {
    /// Bytes of messages that may wait to be written.
    public var queueBytes = 64 << 20
    /// Messages that may wait to be written.
    public var queueMessages = 16_384
    /// How long a message waits for its chunk to fill.
    public var flushInterval: Duration = .milliseconds(500)
    /// Bytes that are left free on the disk.
    public var freeSpace: UInt64 = 256 << 20
    /// How long ``Recorder/close()`` waits for a disk that does not answer.
    public var patience: Duration = .seconds(10)

    /// The defaults of each property.
    public init() {}
  }

  /// What became of a recording.
  public struct Summary: Sendable, Hashable {
    /// Messages that were written.
    public var messages = 0
    /// Messages that were left out.
    public var lost = 0
    /// Bytes of the file.
    public var bytes: UInt64 = 0
    /// Why it ended before its time; `nil`: it did not.
    public var failure: String?
  }

  private struct State {
    var waiting: [RecordingEntry] = []
    var waitingBytes = 0
    /// What was left out since the last message that was not.
    var lost: RecordingLosses?
    var summary = Summary()
    var isClosing = false
    var isWriting = true
  }

  private let path: String
  /// Takes the file and its folders away again when nothing was recorded, as by a daemon that could not begin to serve.
  private let discard: @Sendable () -> Void
  private let options: Options
  private let logger: Logger
  private let state = Mutex(State())
  private let changed = DispatchSemaphore(value: 0)
  private let ended = DispatchSemaphore(value: 0)

  /// Looks at the place before the work begins.
  ///
  /// - Parameter inputs: folders that the command reads, and that are to stay what they are.
  /// - Throws: ``FileError`` `.unwritable`, also when there is something already: a recording replaces nothing.
  public static func check(_ path: String, besides inputs: [String] = []) throws(FileError) {
    for folder in inputs where OutputFolder.contains(folder, path) {
      throw FileError(
        .unwritable, path,
        "lies in \(folder), which this command reads and a recording would grow in; name another place")
    }
    let target = try OutputTarget(path)
    guard target.isReplaceable, access(path, F_OK) != 0 else {
      throw FileError(.unwritable, path, RecordingFile.exists)
    }
  }

  /// Makes the file, with the folders above it, and begins to record.
  ///
  /// - Parameters:
  ///   - facts: about the daemon.
  ///   - operatorToken: of the daemon; what stands for it is recorded. Empty: there is none.
  /// - Throws: ``FileError`` `.unwritable` with the system's reason.
  public convenience init(
    _ path: String, facts: RecordingFacts, operatorToken: [UInt8] = [], options: Options = Options(), logger: Logger
  ) throws(FileError) {
    try Self.check(path)
    let file = try RecordingFile(path)
    self.init(
      path, to: file, facts: facts, operatorToken: operatorToken, options: options, logger: logger,
      freeSpace: { file.freeSpace }, discard: { file.remove() })
  }

  /// As the other initializer, to any sink.
  ///
  /// - Parameters:
  ///   - freeSpace: bytes that are left on the sink's disk; `nil`: not known.
  ///   - discard: called at the end of a recording of nothing.
  package init(
    _ path: String, to sink: some MCAPSink, facts: RecordingFacts, operatorToken: [UInt8] = [],
    options: Options = Options(), logger: Logger, freeSpace: @escaping @Sendable () -> UInt64? = { nil },
    discard: @escaping @Sendable () -> Void = {}
  ) {
    self.path = path
    self.discard = discard
    self.options = options
    self.logger = logger
    var facts = facts
    facts.clockOffset = Self.clockOffset()
    let thread = Thread { [self, facts] in
      Self.stepBack()
      run(sink, freeSpace, facts, operatorToken)
      ended.signal()
    }
    thread.name = "uio2 recorder"
    thread.start()
  }

  /// What was recorded so far.
  public var summary: Summary { state.withLock { $0.summary } }

  // MARK: What is recorded

  /// A request has come.
  public func received(_ request: RequestMessage, as bytes: [UInt8]?, at time: UInt64) {
    // The message is kept beside its bytes.
    submit(.request(request, bytes: bytes, time: time), bytes: 2 * (bytes?.count ?? 1 << 16))
  }

  /// A reply has left.
  public func sent(_ reply: ReplyMessage, as bytes: [UInt8]?, isDelivered: Bool) {
    submit(.reply(reply, bytes: bytes, isDelivered: isDelivered), bytes: 2 * (bytes?.count ?? 1 << 12))
  }

  /// An episode begins or has ended.
  public func mark(_ mark: EpisodeMark) {
    submit(.episode(mark, time: MonotonicClock.nanoseconds()), bytes: 512)
  }

  private func submit(_ entry: RecordingEntry, bytes: Int) {
    let isFirst = state.withLock { state in
      guard state.isWriting, !state.isClosing else {
        state.summary.lost += 1
        return false
      }
      guard state.waiting.count < options.queueMessages, state.waitingBytes + bytes <= options.queueBytes else {
        state.summary.lost += 1
        let lost =
          state.lost ?? RecordingLosses(.queueFull, messages: 0, bytes: 0, since: entry.time, until: entry.time)
        state.lost = RecordingLosses(
          .queueFull, messages: lost.messages + 1, bytes: lost.bytes + bytes / 2, since: lost.since, until: entry.time)
        return false
      }
      let wasEmpty = state.waiting.isEmpty
      if let lost = state.lost.take() { state.waiting.append(.losses(lost)) }
      state.waiting.append(entry)
      state.waitingBytes += bytes
      return wasEmpty
    }
    if isFirst { changed.signal() }
  }

  /// Writes what waits, ends the file, and says what became of it. Nothing is recorded any more.
  @discardableResult
  public func close() -> Summary {
    let isFirst = state.withLock { state in
      defer { state.isClosing = true }
      return !state.isClosing
    }
    guard isFirst else { return summary }
    changed.signal()
    let patience = Int(options.patience / .milliseconds(1))
    if ended.wait(timeout: .now() + .milliseconds(patience)) == .timedOut {
      give(up: "the disk does not answer")
    }
    let summary = summary
    if summary.messages == 0, summary.lost == 0 { discard() }
    if summary.lost > 0 {
      logger.warning(
        "messages are missing in the recording", metadata: ["file": "\(path)", "messages": "\(summary.lost)"])
    }
    return summary
  }

  // MARK: The thread

  private func run(
    _ sink: some MCAPSink, _ freeSpace: () -> UInt64?, _ facts: RecordingFacts, _ operatorToken: [UInt8]
  ) {
    do throws(MCAPError) {
      var writer = try RecordingWriter(to: sink, facts: facts, operatorToken: operatorToken, options: .init())
      var flushed = ContinuousClock.now
      while true {
        _ = changed.wait(timeout: .now() + .milliseconds(max(1, Int(options.flushInterval / .milliseconds(2)))))
        let (entries, isClosing) = take()
        for entry in entries { try writer.write(entry) }
        state.withLock { $0.summary.messages += entries.count }
        let now = ContinuousClock.now
        guard isClosing || now - flushed >= options.flushInterval else { continue }
        flushed = now
        let isFull = freeSpace().map { $0 < options.freeSpace } ?? false
        if isFull {
          try writer.write(.losses(stop(because: "less than \(options.freeSpace >> 20) MiB are left on the disk")))
        }
        try writer.flush()
        state.withLock { $0.summary.bytes = writer.writtenBytes }
        if isClosing || isFull { break }
      }
      try writer.close()
      state.withLock { $0.summary.bytes = writer.writtenBytes }
    } catch {
      give(up: error.message)
    }
  }

  private func take() -> (entries: [RecordingEntry], isClosing: Bool) {
    state.withLock { state in
      defer {
        state.waiting.removeAll()
        state.waitingBytes = 0
      }
      if state.isClosing, let lost = state.lost.take() { state.waiting.append(.losses(lost)) }
      return (state.waiting, state.isClosing)
    }
  }

  /// Ends the recording before its time, in an orderly way.
  ///
  /// - Returns: what the file says of it.
  private func stop(because reason: String) -> RecordingLosses {
    let lost = state.withLock { state in
      let now = MonotonicClock.nanoseconds()
      let lost = RecordingLosses(
        .diskFull, messages: state.waiting.count, bytes: state.waitingBytes / 2,
        since: state.waiting.first?.time ?? now,
        until: now)
      end(&state, reason)
      return lost
    }
    logger.warning("the recording has ended", metadata: ["file": "\(path)", "reason": "\(reason)"])
    return lost
  }

  /// Ends the recording where nothing more can be written.
  private func give(up reason: String) {
    state.withLock { end(&$0, reason) }
    logger.error("the recording cannot be written", metadata: ["file": "\(path)", "reason": "\(reason)"])
  }

  private func end(_ state: inout State, _ reason: String) {
    state.isWriting = false
    state.summary.lost += state.waiting.count
    state.waiting.removeAll()
    state.waitingBytes = 0
    state.summary.failure = state.summary.failure ?? reason
  }

  /// Recording is what waits when the processor is scarce, whatever priority the daemon asked for.
  private static func stepBack() {
    #if os(Linux)
      var parameters = sched_param()
      pthread_setschedparam(pthread_self(), SCHED_OTHER, &parameters)
      // Of this thread alone, on Linux.
      setpriority(.init(PRIO_PROCESS.rawValue), 0, 10)
    #endif
  }

  private static func clockOffset() -> UInt64 {
    var time = timespec()
    clock_gettime(CLOCK_REALTIME, &time)
    let wall = UInt64(max(0, time.tv_sec)) * 1_000_000_000 + UInt64(max(0, time.tv_nsec))
    let own = MonotonicClock.nanoseconds()
    return wall - min(wall, own)
  }
}
