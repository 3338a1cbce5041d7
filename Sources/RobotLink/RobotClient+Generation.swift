public import RobotInterface

extension RobotClient {
  /// How often a wait looks whether its caller still wants the answer.
  private static let patience: Duration = .milliseconds(50)

  /// Runs the model on its own, without a robot.
  ///
  /// - Parameters:
  ///   - request: progress is reported when it has a ``GenerationRequest/progressInterval``.
  ///   - onProgress: called for each report.
  ///   - isCancelled: looked at about every 50 ms; `true` sends a cancel, once, and the answer then comes with what was said so
  ///     far and ``GenerationResult/FinishReason/cancelled``.
  /// - Throws: ``ClientError``; `timedOut` after ``timeout`` without a word, progress included, when the daemon is also told that
  ///   nobody waits any more; `disconnected` at once when the daemon has ended.
  public func generate(
    _ request: GenerationRequest, onProgress: (GenerationProgress) -> Void = { _ in },
    isCancelled: () -> Bool = { false }
  ) throws(ClientError) -> GenerationResult {
    watchConnection()
    let requestID = try send(.generate(request))
    var deadline = ContinuousClock.now + timeout
    var hasCancelled = false, isDisconnected = false
    repeat {
      if !hasCancelled, isCancelled() {
        _ = try send(.cancel(requestID: requestID))
        hasCancelled = true
        deadline = .now + timeout
      }
      let moment = min(deadline, .now + Self.patience)
      if takeBreak() { isDisconnected = true }
      // What has another id acknowledges the cancel, or answers a request whose time ran out.
      guard let reply = try next(until: moment) else {
        // Only now, so that an answer that came before the end is taken.
        guard !isDisconnected else { throw .disconnected }
        continue
      }
      guard reply.requestID == requestID else { continue }
      switch reply.body {
      case .progress(let progress):
        deadline = .now + timeout
        onProgress(progress)
      case .generation(let result): return result
      case .error(let error): throw .refused(error)
      default: throw unexpected("a generation")
      }
    } while ContinuousClock.now < deadline
    if !hasCancelled { _ = try? send(.cancel(requestID: requestID)) }
    throw .timedOut(after: timeout)
  }

  /// Ends a generation of this session that another connection asked for, or ``send(_:)-(RequestMessage.Body)``; its own answer
  /// says what it had said so far.
  ///
  /// - Parameter requestID: of the generation.
  /// - Throws: ``ClientError``; `refused` with `unknownRequest` when there is no such generation, as after its end.
  public func cancel(requestID: UInt64) throws(ClientError) { _ = try acknowledged(.cancel(requestID: requestID)) }
}
