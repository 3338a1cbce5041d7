/// How a generation and the robots beside it share the policy's thread.
///
/// Robots go first, but not for ever: between two steps of the generation they have ``robotsPerStep`` times as long as the last step
/// took, at most ``longestPause``. A generation beside robots that always wait so gets a fifth of the time, or one step a batch of
/// observations where a batch takes longer than that. The clock is the caller's.
package struct GenerationShare: Sendable {
  /// Times the length of the last step.
  package static let robotsPerStep: UInt64 = 4
  /// Nanoseconds. A step may take seconds, as encoding does; robots do not keep the next one waiting for minutes.
  package static let longestPause: UInt64 = 1_000_000_000

  /// When the step under way began, nanoseconds.
  private var begin: UInt64
  private var end: UInt64 = 0

  /// The first step begins.
  ///
  /// - Parameter now: nanoseconds.
  package init(at now: UInt64) { begin = now }

  /// A step has ended, and robots may be served.
  package mutating func pause(at now: UInt64) {
    let (wanted, isHuge) = (now &- begin).multipliedReportingOverflow(by: Self.robotsPerStep)
    end = now &+ (isHuge ? Self.longestPause : min(wanted, Self.longestPause))
  }

  /// Whether more robots may be served before the next step.
  package func servesRobots(at now: UInt64) -> Bool { now < end }

  /// The next step begins.
  package mutating func resume(at now: UInt64) { begin = now }
}
