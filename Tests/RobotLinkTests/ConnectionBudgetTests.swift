import RobotLink
import Testing

@Suite("Connections are counted only when it matters")
struct ConnectionBudgetTests {
  /// Counts how often it was asked.
  private final class Table {
    var open = 0
    var asked = 0

    func count() -> Int {
      asked += 1
      return open
    }
  }

  @Test func `up to the limit, and no further while they are open`() {
    var budget = ConnectionBudget(limit: 3)
    let table = Table()
    var now: UInt64 = 0
    for open in 1...10 {
      now += ConnectionBudget.countInterval
      // The one that asks is open already; one that was refused is closed.
      table.open = min(open, 4)
      let isAdmitted = budget.admits("a", at: now, count: table.count)
      #expect(isAdmitted == (open <= 3))
    }
  }

  @Test func `who comes and goes all day is counted now and then`() {
    var budget = ConnectionBudget(limit: 100)
    let table = Table()
    table.open = 1
    for now in UInt64(0)..<10_000 {
      let isAdmitted = budget.admits("a", at: now * ConnectionBudget.countInterval, count: table.count)
      #expect(isAdmitted)
    }
    #expect(table.asked <= 1 + 10_000 / 99)
  }

  @Test func `who is at the limit is not counted at every attempt`() {
    var budget = ConnectionBudget(limit: 1)
    let table = Table()
    table.open = 1
    var admitted = [budget.admits("a", at: 1, count: table.count)]
    table.open = 2
    for now in UInt64(0)..<1_000 { admitted.append(budget.admits("a", at: 10 + now, count: table.count)) }
    #expect(admitted == [true] + [Bool](repeating: false, count: 1_000))
    #expect(table.asked == 1)
    table.open = 1
    admitted = [budget.admits("a", at: 2 + ConnectionBudget.countInterval, count: table.count)]
    #expect(admitted == [true])
    #expect(table.asked == 2)
  }

  @Test func `addresses do not share their limit, and an old one is not forgotten into a new start`() {
    var budget = ConnectionBudget(limit: 1)
    for number in 0..<3 * ConnectionBudget.maximumAddresses {
      let isAdmitted = budget.admits("\(number)", at: 0) { 1 }
      #expect(isAdmitted)
    }
    let isAdmitted = budget.admits("0", at: 0) { 2 }
    #expect(!isAdmitted)
  }
}
