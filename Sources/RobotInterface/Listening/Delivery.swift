/// What became of a message.
public enum Delivery: Sendable, Hashable {
  /// It is on its way.
  case sent
  /// The peer reads too slowly to take more.
  case full
  /// There is no such peer any more.
  case gone
}
