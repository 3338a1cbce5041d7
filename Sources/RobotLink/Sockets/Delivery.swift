/// What became of a message.
public enum Delivery: Sendable, Hashable {
  /// libzmq has it.
  case sent
  /// The peer reads too slowly to take more.
  case full
  /// There is no such peer any more.
  case gone
}
