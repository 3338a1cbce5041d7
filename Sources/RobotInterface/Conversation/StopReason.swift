/// The words of a stop. Nothing about them keeps a robot from stopping.
public enum StopReason {
  /// As much of a reason as may travel: no NUL, at most ``ProtocolLimits/maximumNameBytes`` bytes, cut between two characters.
  public static func fitted(_ reason: String) -> String {
    var fitted = String.UnicodeScalarView()
    var bytes = 0
    for scalar in reason.unicodeScalars {
      bytes += UTF8.width(scalar)
      if bytes > ProtocolLimits.maximumNameBytes { break }
      fitted.append(scalar == "\0" ? " " : scalar)
    }
    return String(fitted)
  }
}
