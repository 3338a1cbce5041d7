import ControlDaemon
import RobotInterface
import TestSupport
import Testing

@Suite("The offset of two clocks lies within its bounds, whatever the wire does")
struct ClockOffsetTests {
  /// A robot whose clock runs too fast or too slow by some parts in a thousand, and a wire with delays of any length.
  private struct World {
    var random: SeededGenerator
    /// The daemon's clock.
    var now: UInt64 = 1_000_000_000
    /// The robot's clock at the beginning, and how much faster it is than the daemon's.
    let zero: UInt64
    let drift: Double

    init(seed: UInt64) {
      random = SeededGenerator(seed: seed)
      zero = UInt64.random(in: 0...1 << 60, using: &random)
      drift = Double.random(in: -0.0009...0.0009, using: &random)
    }

    func robotTime(at time: UInt64) -> UInt64 { zero + UInt64(Double(time) * (1 + drift)) }
    /// The true offset.
    func offset(at time: UInt64) -> Int128 { Int128(time) - Int128(robotTime(at: time)) }

    /// Mostly a tenth of a millisecond, sometimes seconds.
    mutating func delay() -> UInt64 {
      let scales: [Double] = [100_000, 100_000, 2_000_000, 5_000_000_000]
      let scale = scales[Int.random(in: 0..<scales.count, using: &random)]
      return UInt64(Double.random(in: 0.5...1, using: &random) * scale)
    }
  }

  @Test(arguments: UInt64(0)..<40) func `any delays and any drift`(seed: UInt64) {
    var world = World(seed: seed), clock = ClockOffset()
    var echo: ClockEcho?
    var bounded = 0, unbounded = 0, tight = 0
    for _ in 0..<400 {
      let captured = world.now
      world.now += world.delay()
      let sentAt = world.robotTime(at: world.now)
      world.now += world.delay()
      let arrived = world.now
      // Some robots never send an echo, and some messages have none.
      let isSilent = seed % 4 == 0 || Int.random(in: 0..<5, using: &world.random) == 0
      let sent = isSilent ? nil : echo
      clock.take(sentAt: sentAt, arrivedAt: arrived, echo: sent)
      world.now += world.delay()
      let (lower, upper) = clock.bounds(at: world.now)
      let truth = world.offset(at: world.now)
      #expect((lower ?? truth) <= truth && truth <= (upper ?? truth))
      var observation = Observation.sample(1, capturedAt: world.robotTime(at: captured), clock: .monotonic)
      observation.sentAt = sentAt
      let age = clock.age(of: observation, receivedAt: arrived, at: world.now), real = world.now - captured
      if lower != nil {
        bounded += 1
        #expect(age >= real, "an observation is never taken for younger than it is")
        if age < real + real / 100 + 5_000_000 { tight += 1 }
      } else {
        unbounded += 1
        #expect(age <= real + real / 1000 + 1, "what cannot be seen is not counted")
      }
      let leaves = world.now
      world.now += world.delay()
      echo = ClockEcho(replySentAt: leaves, replyReceivedAt: world.robotTime(at: world.now))
      world.now += world.delay()
    }
    #expect(seed % 4 == 0 ? bounded == 0 && unbounded == 400 : bounded > 300 && tight > 20, "\(bounded) \(tight)")
  }

  @Test func `a delay counts, on the way there too`() {
    // Robot clock = daemon clock - 1000.
    var clock = ClockOffset()
    clock.take(sentAt: 10_000, arrivedAt: 11_000 + 7)
    let first = Observation.sample(1, capturedAt: 9_900, age: 100, clock: .monotonic)
    #expect(clock.age(of: first, receivedAt: 11_007, at: 11_007) == 100, "the first message is taken for the fastest")
    clock.take(sentAt: 20_000, arrivedAt: 21_000 + 507)
    let second = Observation.sample(1, capturedAt: 19_900, age: 100, clock: .monotonic)
    let unbounded = clock.age(of: second, receivedAt: 21_507, at: 21_607)
    #expect((680...700).contains(unbounded), "\(unbounded): 100 before departure, 500 more than the first, 100 in here")
    clock.take(sentAt: 30_000, arrivedAt: 31_007, echo: ClockEcho(replySentAt: 21_607, replyReceivedAt: 20_609))
    let bounded = clock.age(of: second, receivedAt: 21_507, at: 21_607)
    #expect((707...725).contains(bounded), "\(bounded): 707, and 2 of the reply, and drift")
  }

  @Test func `a clock that jumps is found out, and the interval begins anew`() {
    for jump in [Int64(-3_000_000_000), 3_000_000_000] {
      var clock = ClockOffset()
      func robot(_ time: UInt64, jumped: Bool) -> UInt64 { UInt64(Int64(time) + 9_000_000_000 + (jumped ? jump : 0)) }
      clock.take(sentAt: robot(1_000_000, jumped: false), arrivedAt: 1_100_000)
      let echo = ClockEcho(replySentAt: 1_200_000, replyReceivedAt: robot(1_300_000, jumped: false))
      clock.take(sentAt: robot(2_000_000, jumped: false), arrivedAt: 2_100_000, echo: echo)
      let later = ClockEcho(replySentAt: 2_200_000, replyReceivedAt: robot(2_300_000, jumped: true))
      clock.take(sentAt: robot(3_000_000, jumped: true), arrivedAt: 3_100_000, echo: later, agrees: false)
      let last = ClockEcho(replySentAt: 3_200_000, replyReceivedAt: robot(3_300_000, jumped: true))
      clock.take(sentAt: robot(4_000_000, jumped: true), arrivedAt: 4_100_000, echo: last)
      let observation = Observation.sample(
        1, capturedAt: robot(3_900_000, jumped: true), age: 100_000, clock: .monotonic)
      let age = clock.age(of: observation, receivedAt: 4_100_000, at: 4_100_000)
      #expect((200_000...310_000).contains(age), "\(age)")
    }
  }

  @Test func `an echo of a reply that has not left yet is none`() {
    var clock = ClockOffset()
    clock.take(sentAt: 10, arrivedAt: 100, echo: ClockEcho(replySentAt: 101, replyReceivedAt: 200), agrees: false)
  }

  @Test func `old bounds fade`() {
    var clock = ClockOffset()
    clock.take(sentAt: 500, arrivedAt: 1_000, echo: ClockEcho(replySentAt: 900, replyReceivedAt: 450))
    let minutes: UInt64 = 120_000_000_000
    let (lower, upper) = clock.bounds(at: 1_000 + minutes)
    #expect(lower == Int128(450 - 1 - 120_000_000))
    #expect(upper == Int128(500 + 120_000_000))
    clock.take(sentAt: minutes, arrivedAt: 1_000 + minutes)
    #expect(clock.bounds(at: 1_000 + minutes).upper == 1_000, "a new one counts at once")
  }

  @Test func `a simulated clock ages by itself alone`() {
    let observation = Observation.sample(1, capturedAt: 5, age: 30)
    var clock = ClockOffset()
    #expect(clock.age(of: observation, receivedAt: 1_000, at: 1 << 50) == 30)
    clock.take(sentAt: 1, arrivedAt: 2, echo: ClockEcho(replySentAt: 1, replyReceivedAt: 1))
    #expect(clock.age(of: observation, receivedAt: 1_000, at: 1 << 50) == 30)
  }

  @Test func `the edges of 64 bits do no harm`() {
    let edges: [UInt64] = [0, 1, 1 << 63, .max - 1, .max]
    var agreed = 0, disagreed = 0
    for sentAt in edges {
      for arrivedAt in edges {
        for reply in edges {
          var clock = ClockOffset()
          for received in edges {
            let echo = ClockEcho(replySentAt: reply, replyReceivedAt: received)
            if clock.narrow(sentAt: sentAt, arrivedAt: arrivedAt, echo: echo) { agreed += 1 } else { disagreed += 1 }
            var observation = Observation.sample(1, capturedAt: min(sentAt, reply), clock: .monotonic)
            observation.sentAt = sentAt
            _ = clock.age(of: observation, receivedAt: arrivedAt, at: received)
          }
        }
      }
    }
    #expect(agreed > 0 && disagreed > 0)
  }
}

extension ClockOffset {
  /// Takes in a message, and expects that it agrees with what was known or does not.
  fileprivate mutating func take(sentAt: UInt64, arrivedAt: UInt64, echo: ClockEcho? = nil, agrees: Bool = true) {
    let found = narrow(sentAt: sentAt, arrivedAt: arrivedAt, echo: echo)
    #expect(found == agrees)
  }
}
