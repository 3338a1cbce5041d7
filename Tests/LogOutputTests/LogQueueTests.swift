import Foundation
import LogOutput
import Logging
import Synchronization
import Testing

/// The log of a process that must not wait for it.
@Suite struct LogQueueTests {
  /// A pipe with both ends open.
  private final class Pipe: Sendable {
    let reader: Int32
    let writer: Int32

    init() {
      var ends: [Int32] = [-1, -1]
      pipe(&ends)
      (reader, writer) = (ends[0], ends[1])
      _ = fcntl(reader, F_SETFL, O_NONBLOCK)
    }

    /// Reads until the lines so far satisfy `condition`.
    func lines(until condition: ([String]) -> Bool) -> [String] {
      var text: [UInt8] = []
      let limit = ContinuousClock.now + .seconds(20)
      while ContinuousClock.now < limit {
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        let count = read(reader, &buffer, buffer.count)
        if count > 0 { text += buffer.prefix(count) } else { usleep(1000) }
        let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
        if text.last == UInt8(ascii: "\n"), condition(lines) { return lines }
      }
      return String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
    }
  }

  /// A clock that stands still until it is moved.
  private final class Clock: Sendable {
    private let moment = Mutex(ContinuousClock.now)
    func advance(_ duration: Duration) { moment.withLock { $0 += duration } }
    var now: ContinuousClock.Instant { moment.withLock { $0 } }
  }

  private func logger(_ queue: LogQueue) -> Logger {
    var logger = Logger(label: "test") { LineLogHandler(label: $0, queue: queue) }
    logger.logLevel = .trace
    return logger
  }

  /// The number in `name=123` of a line.
  private func number(_ name: String, in line: String?) -> Int? {
    line?.split(separator: " ").first { $0.hasPrefix(name + "=") }.flatMap { Int($0.dropFirst(name.count + 1)) }
  }

  @Test func `a line says when, how grave, what, and the values in order`() throws {
    let pipe = Pipe()
    let queue = LogQueue(descriptor: pipe.writer, label: "test")
    logger(queue).notice("stop latched", metadata: ["session": "arm-1", "reason": "door open"])
    let line = try #require(pipe.lines { $0.count == 1 }.first)
    #expect(
      line.wholeMatch(
        of: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z notice test: stop latched reason="door open" session=arm-1/) != nil,
      "\(line)")
  }

  @Test func `nobody who logs waits for a reader that does not read, and what is lost is counted`() throws {
    let pipe = Pipe()
    let queue = LogQueue(descriptor: pipe.writer, label: "test")
    let begin = ContinuousClock.now
    let count = 20_000
    for index in 0..<count {
      queue.append("line \(index) " + String(repeating: "x", count: 200), kind: "\(index % 50) \(index / 5000)")
    }
    #expect(ContinuousClock.now - begin < .seconds(5))
    queue.flush(within: .milliseconds(50))
    let lines = pipe.lines { $0.last?.contains("were lost") == true }
    let written = lines.count { $0.hasPrefix("line ") }
    let lost = try #require(number("lines", in: lines.last))
    #expect(written > 100 && lost > 1000)
    #expect(Set(lines.filter { $0.hasPrefix("line ") }).count == written, "none twice")
    #expect(lines.last?.contains(" warning test: log lines were lost lines=") == true)
  }

  @Test func `a reader that has gone ends nothing, and one that comes back learns what it has missed`() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "uio2-log-\(UUID().uuidString)")
    #expect(mkfifo(folder.path, 0o600) == 0)
    defer { unlink(folder.path) }
    let first = open(folder.path, O_RDONLY | O_NONBLOCK)
    let writer = open(folder.path, O_WRONLY)
    let queue = LogQueue(descriptor: writer, label: "test")
    close(first)
    for index in 0..<5 { queue.append("unseen \(index)", kind: "a") }
    queue.flush(within: .seconds(20))
    let second = open(folder.path, O_RDONLY | O_NONBLOCK)
    queue.append("seen", kind: "b")
    var text = ""
    let limit = ContinuousClock.now + .seconds(20)
    while !text.contains("lines=5"), ContinuousClock.now < limit {
      var buffer = [UInt8](repeating: 0, count: 4096)
      let count = read(second, &buffer, buffer.count)
      if count > 0 { text += String(decoding: buffer.prefix(count), as: UTF8.self) } else { usleep(1000) }
    }
    #expect(text.contains("seen\n") && !text.contains("unseen"))
    #expect(text.contains("log lines were lost lines=5"))
    close(second)
    close(writer)
  }

  @Test func `lines of one kind are limited and what is left out is counted`() throws {
    let pipe = Pipe(), clock = Clock()
    let queue = LogQueue(descriptor: pipe.writer, label: "test", now: { clock.now })
    let logger = logger(queue)
    for index in 0..<1000 { logger.info("session opened", metadata: ["session": "\(index)"]) }
    logger.notice("stop latched")
    clock.advance(.milliseconds(500))
    logger.info("session opened", metadata: ["session": "late"])
    let lines = pipe.lines { $0.last?.contains("session=late") == true }
    #expect(lines.count { $0.contains(": session opened ") } == 101, "a hundred at once, and the one that came later")
    #expect(lines.contains { $0.contains("stop latched") }, "a flood of one kind does not hide another")
    #expect(lines.contains { $0.contains(#"lines were left out like="session opened" lines=900"#) })
  }

  @Test func `what was left out is told without another line`() throws {
    let pipe = Pipe(), clock = Clock()
    let queue = LogQueue(descriptor: pipe.writer, label: "test", now: { clock.now })
    for _ in 0..<150 { queue.append("x", kind: "x") }
    clock.advance(.seconds(3))
    queue.flush(within: .seconds(5))
    let lines = pipe.lines { $0.contains { $0.contains("left out") } }
    #expect(lines.contains { $0.contains("like=x lines=50") })
  }

  @Test func `many kinds share a count instead of filling the memory`() throws {
    let pipe = Pipe(), clock = Clock()
    let queue = LogQueue(descriptor: pipe.writer, label: "test", now: { clock.now })
    for index in 0..<500 { queue.append("\(index)", kind: "\(index)") }
    queue.flush(within: .seconds(20))
    clock.advance(.seconds(2))
    queue.flush(within: .seconds(20))
    let lines = pipe.lines { $0.contains { $0.contains("left out") } }
    // 64 kinds of their own and a hundred of all others.
    #expect(lines.count { Int($0) != nil } == 164)
  }

  @Test(arguments: [
    ("plain-1", "plain-1"), ("", #""""#), ("two words", #""two words""#), ("a=b", #""a=b""#),
    ("x\ny", #""x\ny""#), ("\u{1b}[31mred", #""\u{1b}[31mred""#), ("quote\"", #""quote\"""#),
    ("back\\slash", #""back\\slash""#), ("right\u{202e}left", #""right\u{202e}left""#), ("Zürich", "\"Zürich\""),
    ("line\u{2028}separator", #""line\u{2028}separator""#), ("\u{85}\u{7f}\0", #""\u{85}\u{7f}\u{0}""#),
  ])
  func `a value from outside is one value on one line`(value: String, expected: String) {
    #expect(PrintableText.value(value) == expected)
  }

  @Test func `a session's name cannot forge a line`() throws {
    let pipe = Pipe()
    let queue = LogQueue(descriptor: pipe.writer, label: "test")
    logger(queue).info(
      "session opened", metadata: ["session": "x\n2025-11-30T00:00:00.000Z notice uio2: stop cleared session=arm-1"])
    logger(queue).info("end")
    let lines = pipe.lines { $0.last?.hasSuffix("end") == true }
    #expect(lines.count == 2)
    #expect(lines.first?.contains(#"session="x\n2025"#) == true)
  }

  @Test func `escaped text holds no control character and loses nothing readable`() {
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2000 {
      let scalars = (0..<Int.random(in: 0...20, using: &random)).compactMap { _ in
        Unicode.Scalar(UInt32.random(in: 0...0x2100, using: &random))
      }
      var text = ""
      text.unicodeScalars.append(contentsOf: scalars)
      for escaped in [PrintableText.line(text), PrintableText.value(text)] {
        #expect(!escaped.unicodeScalars.contains { $0.properties.generalCategory == .control })
      }
    }
    #expect(PrintableText.line("a long line", limit: 6) == "a long…")
    #expect(PrintableText.block("two\n\tlines\u{1b}[2J") == "two\n\tlines\\u{1b}[2J")
  }
}
