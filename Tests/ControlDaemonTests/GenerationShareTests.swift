import ControlDaemon
import Testing

@Suite("A generation and the robots beside it share the time")
struct GenerationShareTests {
  @Test func `robots get four times as long as the last step took`() {
    var share = GenerationShare(at: 100)
    share.pause(at: 110)
    #expect(share.servesRobots(at: 149))
    #expect(!share.servesRobots(at: 150))
    share.resume(at: 160)
    share.pause(at: 161)
    #expect(share.servesRobots(at: 164))
    #expect(!share.servesRobots(at: 165))
  }

  @Test func `a long step does not earn the robots more than a second`() {
    var share = GenerationShare(at: 0)
    share.pause(at: 3_000_000_000)
    #expect(share.servesRobots(at: 3_999_999_999))
    #expect(!share.servesRobots(at: 4_000_000_000))
    share.resume(at: 0)
    share.pause(at: .max)
    #expect(!share.servesRobots(at: 999_999_999), "the clock went round, and nothing overflowed")
  }

  @Test func `robots that always wait leave a fifth`() {
    var share = GenerationShare(at: 0)
    var now: UInt64 = 0, computing: UInt64 = 0
    for step in 0..<1_000 {
      let length = UInt64(5 + step % 7) * 1_000_000
      now += length
      computing += length
      share.pause(at: now)
      // A step of the robots takes 2 ms, and there is always one more.
      repeat { now += 2_000_000 } while share.servesRobots(at: now)
      share.resume(at: now)
    }
    let part = Double(computing) / Double(now)
    #expect(part > 0.17 && part < 0.21, "\(part)")
  }
}
