import ControlDaemon
import Testing

@Suite("The newest request of each session is served, the sessions in turn")
struct NewestFirstQueueTests {
  @Test func `a newer request displaces the older one of its session`() {
    var queue = NewestFirstQueue<String, Int>()
    #expect(queue.offer(1, for: "a") == nil)
    #expect(queue.offer(2, for: "a") == 1)
    #expect(queue.count == 1)
    #expect(queue.next()?.request == 2)
    #expect(queue.next() == nil)
  }

  @Test func `a displaced request's turn is kept`() {
    var queue = NewestFirstQueue<String, Int>()
    _ = queue.offer(1, for: "a")
    _ = queue.offer(2, for: "b")
    _ = queue.offer(3, for: "a")
    #expect(queue.next()?.request == 3)
    #expect(queue.next()?.request == 2)
  }

  @Test func `who was served lines up behind who waits`() {
    var queue = NewestFirstQueue<String, Int>()
    for session in ["a", "b", "c"] { _ = queue.offer(0, for: session) }
    var order: [String] = []
    for round in 1...6 {
      guard let (session, _) = queue.next() else { break }
      order.append(session)
      _ = queue.offer(round, for: session)
    }
    #expect(order == ["a", "b", "c", "a", "b", "c"])
  }

  @Test func `a fast robot does not starve a slow one`() {
    var queue = NewestFirstQueue<String, Int>()
    _ = queue.offer(0, for: "fast")
    _ = queue.next()
    _ = queue.offer(0, for: "slow")
    for request in 1..<100 { _ = queue.offer(request, for: "fast") }
    #expect(queue.next()?.session == "slow")
    #expect(queue.next()?.request == 99)
  }

  @Test func `a request can be taken out of the line`() {
    var queue = NewestFirstQueue<String, Int>()
    _ = queue.offer(1, for: "a")
    _ = queue.offer(2, for: "b")
    #expect(queue.contains("a"))
    #expect(queue.remove("a") == 1)
    #expect(queue.remove("a") == nil)
    #expect(!queue.contains("a"))
    // Whoever comes back has lost the turn.
    _ = queue.offer(3, for: "a")
    #expect(queue.next()?.request == 2)
    #expect(queue.next()?.request == 3)
    #expect(queue.count == 0)
  }
}
