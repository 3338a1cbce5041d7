/// A clock that only goes forward; its zero means nothing.
public enum MonotonicClock {
  private static let origin = ContinuousClock.now

  /// Nanoseconds since some moment of this process.
  public static func nanoseconds() -> UInt64 {
    // The first caller sets the origin, so that nothing lies before it.
    let (seconds, attoseconds) = (origin.duration(to: .now) + .seconds(1)).components
    return UInt64(max(0, seconds)) * 1_000_000_000 + UInt64(max(0, attoseconds / 1_000_000_000))
  }
}
