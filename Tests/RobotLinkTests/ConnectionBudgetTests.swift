import RobotInterface
import Testing
import ZeroMQTransport

@Suite("Connections are counted only when it matters")
struct ConnectionBudgetTests {
  private static let interval = ConnectionBudget.countInterval

  private static func origin(_ number: Int) -> ConnectionOrigin {
    ConnectionOrigin(host: "10.\(number >> 16 & 255).\(number >> 8 & 255).\(number & 255)")
  }

  /// What is open, and how often it was asked.
  private final class Table {
    var open: [ConnectionOrigin: Int] = [:]
    var asked = 0

    func count() -> [ConnectionOrigin: Int] {
      asked += 1
      return open
    }
  }

  @Test func `up to the limit, and no further while they are open`() {
    var budget = ConnectionBudget(limit: 3)
    let table = Table(), peer = Self.origin(1)
    var now: UInt64 = 0
    for open in 1...10 {
      now += Self.interval
      // The one that asks is open already; one that was refused is closed.
      table.open = [peer: min(open, 4)]
      let isAdmitted = budget.admits(peer, at: now, count: table.count)
      #expect(isAdmitted == (open <= 3))
    }
  }

  @Test func `who comes and goes all day is counted now and then`() {
    var budget = ConnectionBudget(limit: 100)
    let table = Table(), peer = Self.origin(1)
    table.open = [peer: 1]
    for now in UInt64(0)..<10_000 {
      let isAdmitted = budget.admits(peer, at: now * Self.interval, count: table.count)
      #expect(isAdmitted)
    }
    #expect(table.asked <= 1 + 10_000 / 99)
  }

  @Test func `who is at the limit is not counted at every attempt`() {
    var budget = ConnectionBudget(limit: 1)
    let table = Table(), peer = Self.origin(1)
    var admitted = [budget.admits(peer, at: 1, count: table.count)]
    table.open = [peer: 2]
    for now in UInt64(0)..<1_000 { admitted.append(budget.admits(peer, at: 10 + now, count: table.count)) }
    #expect(admitted == [true] + [Bool](repeating: false, count: 1_000))
    #expect(table.asked == 1)
    table.open = [peer: 1]
    admitted = [budget.admits(peer, at: 10 + Self.interval, count: table.count)]
    #expect(admitted == [true])
    #expect(table.asked == 2)
  }

  @Test func `where nothing can be counted nobody comes in, and what is known stays`() {
    var budget = ConnectionBudget(limit: 2)
    let table = Table(), peer = Self.origin(1)
    var admitted = (0..<2).map { _ in budget.admits(peer, at: 1, count: table.count) }
    #expect(admitted == [true, true])
    var now: UInt64 = 1
    for _ in 0..<5 {
      now += Self.interval
      admitted = [budget.admits(peer, at: now) { nil }, budget.admits(peer, at: now + 1, count: table.count)]
      #expect(admitted == [false, false])
    }
    // Others are not known to be many.
    admitted = [budget.admits(Self.origin(2), at: now) { nil }]
    #expect(admitted == [true])
    table.open = [peer: 2]
    admitted = [budget.admits(peer, at: now + Self.interval, count: table.count)]
    #expect(admitted == [true])
  }

  @Test func `many addresses that cannot be counted are not added up for ever`() {
    var budget = ConnectionBudget(limit: 1)
    var admitted = 0
    for number in 0..<2 * ConnectionBudget.maximumOrigins
    where budget.admits(Self.origin(number), at: UInt64(number), count: { nil }) { admitted += 1 }
    #expect(admitted == ConnectionBudget.maximumOrigins)
  }

  @Test func `many addresses do not make every handshake a count, and none is forgotten into a new start`() {
    var budget = ConnectionBudget(limit: 1)
    let table = Table()
    for number in 0..<3 * ConnectionBudget.maximumOrigins {
      table.open[Self.origin(number)] = 1
      let isAdmitted = budget.admits(Self.origin(number), at: UInt64(number), count: table.count)
      #expect(isAdmitted)
    }
    #expect(table.asked == 1, "all of that took less than the interval")
    let isAdmitted = budget.admits(
      Self.origin(0), at: UInt64(3 * ConnectionBudget.maximumOrigins), count: table.count)
    #expect(!isAdmitted)
  }

  @Test func `all of the loopback is one origin, and so is an IPv6 network`() {
    func origin(_ host: String) -> ConnectionOrigin { ConnectionOrigin(host: host) }
    for host in ["127.0.0.1", "127.0.0.2", "127.255.1.9", "::1", "::ffff:127.0.0.3"] {
      #expect(origin(host) == origin("127.0.0.1"), "\(host)")
    }
    #expect(origin("10.0.0.1") != origin("10.0.0.2"))
    #expect(origin("::ffff:10.0.0.1") == origin("10.0.0.1"))
    #expect(origin("2001:db8:1:2::5") == origin("2001:db8:1:2:ffff::1"))
    #expect(origin("2001:db8:1:2::5") != origin("2001:db8:1:3::5"))
    #expect(origin("fe80::1%eth0") == origin("fe80::2"))
  }
}
