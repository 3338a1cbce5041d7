import Foundation
import Logging

/// One line of the log: `2025-11-30T14:03:07.123Z notice uio2: stop latched reason="door open" session=arm-1`.
enum LogLine {
  /// The line without its end; whatever comes from outside is escaped.
  static func text(
    _ level: Logger.Level, _ label: String, _ message: String, _ values: [(String, String)], at moment: timespec? = nil
  ) -> String {
    let words = [timestamp(moment ?? wallClock()), level.rawValue, label + ":", PrintableText.line(message)]
    return (words + values.map { "\(PrintableText.value($0))=\(PrintableText.value($1))" }).joined(separator: " ")
  }

  private static func wallClock() -> timespec {
    var now = timespec()
    clock_gettime(CLOCK_REALTIME, &now)
    return now
  }

  /// UTC, so that logs of several machines can be put side by side.
  private static func timestamp(_ moment: timespec) -> String {
    var seconds = moment.tv_sec
    var parts = tm()
    gmtime_r(&seconds, &parts)
    var buffer = [CChar](repeating: 0, count: 32)
    let length = strftime(&buffer, buffer.count, "%Y-%m-%dT%H:%M:%S", &parts)
    let milliseconds = String(1000 + moment.tv_nsec / 1_000_000).dropFirst()
    return String(decoding: buffer.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self) + ".\(milliseconds)Z"
  }
}
