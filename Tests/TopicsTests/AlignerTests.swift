import TestSupport
import Testing
import Topics

@Suite("Sources that publish at their own times")
struct AlignerTests {
  private typealias Aligner = TopicAligner<Int>

  private static let millisecond: UInt64 = 1_000_000

  private func sample(_ sequence: UInt64, at time: UInt64, fingerprint: UInt64? = nil) -> TopicSample<Int> {
    TopicSample(
      sequence: sequence, capturedAt: time, fingerprint: fingerprint ?? sequence, content: Int(sequence))
  }

  /// A camera at 30 Hz, one at 10 Hz and an arm at 100 Hz until `end`, in ms; `silent` says nothing after `from`.
  private func three(until end: UInt64, silent: String = "", from: UInt64 = .max, frozen: String = "") -> Aligner {
    let ms = Self.millisecond
    var aligner = Aligner(
      [
        TopicSource("front", maximumAge: 100 * ms, frozenAfter: 500 * ms),
        TopicSource("top", maximumAge: 250 * ms, frozenAfter: 500 * ms), TopicSource("arm", maximumAge: 50 * ms),
      ], maximumSkew: 60 * ms)
    for (name, period) in [("front", 33), ("top", 100), ("arm", 10)] as [(String, UInt64)] {
      var sequence: UInt64 = 0
      for time in stride(from: 1000, through: end, by: UInt64.Stride(period)) where name != silent || time < from {
        sequence += 1
        let fault = aligner.take(
          sample(sequence, at: time * ms, fingerprint: name == frozen && time >= from ? 7 : nil), from: name,
          at: time * ms)
        #expect(fault == nil)
      }
    }
    return aligner
  }

  private func faults(_ aligner: Aligner, at now: UInt64) -> [TopicFault] {
    do throws(TopicFaults) {
      _ = try aligner.align(at: now)
      return []
    } catch { return error.faults }
  }

  @Test func `what is put together is of the newest moment that all have seen`() throws {
    let aligned = try three(until: 2000).align(at: 2010 * Self.millisecond)
    // front: 1990 is its newest; top: 2000; arm: 2000.
    #expect(aligned.moment == 1990 * Self.millisecond)
    #expect(aligned.samples["front"]?.capturedAt == 1990 * Self.millisecond)
    #expect(aligned.samples["top"]?.capturedAt == 2000 * Self.millisecond)
    #expect(aligned.samples["arm"]?.capturedAt == 1990 * Self.millisecond)
    #expect(aligned.skew == 10 * Self.millisecond && aligned.age == 20 * Self.millisecond)
  }

  @Test func `a source a hundred times as fast as another finds its sample of the same moment, in little memory`()
    throws
  {
    let ms = Self.millisecond
    var aligner = Aligner(
      [TopicSource("fast", maximumAge: 400 * ms), TopicSource("slow", maximumAge: 400 * ms)], maximumSkew: 10 * ms)
    for time in 0..<2000 as Range<UInt64> {
      if time % 200 == 0 { aligner.take(sample(time + 1, at: time * ms), from: "slow", at: time * ms) }
      aligner.take(sample(time + 1, at: time * ms), from: "fast", at: time * ms)
    }
    let aligned = try aligner.align(at: 1999 * ms)
    #expect(aligned.moment == 1800 * ms && aligned.skew <= 5 * ms)
  }

  @Test func `one that has never published is missing, whoever else has`() {
    let ms = Self.millisecond
    let aligner = three(until: 2000, silent: "top", from: 0)
    #expect(faults(aligner, at: 2000 * ms) == [TopicFault("top", .missing)])
    #expect(
      faults(Aligner([TopicSource("a", maximumAge: 1), TopicSource("b", maximumAge: 1)], maximumSkew: 1), at: 5)
        == [TopicFault("a", .missing), TopicFault("b", .missing)])
    #expect(throws: TopicFaults.self) { try Aligner([], maximumSkew: 1).align(at: 0) }
  }

  @Test func `one that falls silent is named, and by how much it is late`() {
    let ms = Self.millisecond
    // Its last sample is of 1495.
    let aligner = three(until: 2000, silent: "front", from: 1500)
    #expect(faults(aligner, at: 2000 * ms) == [TopicFault("front", .late(by: 405 * ms))])
    let names = faults(aligner, at: 3000 * ms).map(\.source)
    #expect(names == ["arm", "front", "top"])
  }

  @Test func `a camera that shows the same is frozen, an arm that rests is not`() {
    let ms = Self.millisecond
    // The first picture of 7 is of 1297, the newest of 1990.
    let frozen = three(until: 2000, from: 1280, frozen: "front")
    #expect(faults(frozen, at: 2000 * ms) == [TopicFault("front", .frozen(by: 193 * ms))])
    #expect(faults(three(until: 2000, from: 1280, frozen: "arm"), at: 2000 * ms) == [])
  }

  @Test func `samples that are too far from one another are not put together`() {
    let ms = Self.millisecond
    var aligner = Aligner(
      [TopicSource("a", maximumAge: 1000 * ms), TopicSource("b", maximumAge: 1000 * ms)], maximumSkew: 20 * ms)
    aligner.take(sample(1, at: 100 * ms), from: "a", at: 100 * ms)
    aligner.take(sample(1, at: 150 * ms), from: "b", at: 150 * ms)
    #expect(faults(aligner, at: 160 * ms) == [TopicFault("b", .apart(by: 30 * ms))])
    aligner.take(sample(2, at: 145 * ms), from: "a", at: 150 * ms)
    #expect(faults(aligner, at: 160 * ms) == [])
  }

  @Test func `what is not newer, from the future, or from nobody is not believed and changes nothing`() throws {
    let ms = Self.millisecond
    var aligner = three(until: 2000)
    let before = try aligner.align(at: 2000 * ms)
    #expect(aligner.take(sample(9999, at: 1990 * ms), from: "front", at: 2000 * ms)?.kind == .backwards)
    #expect(aligner.take(sample(1, at: 1999 * ms), from: "front", at: 2000 * ms)?.kind == .backwards)
    #expect(aligner.take(sample(9999, at: 9000 * ms), from: "front", at: 2000 * ms)?.kind == .ahead(by: 7000 * ms))
    #expect(aligner.take(sample(9999, at: .max), from: "front", at: 0)?.kind == .ahead(by: .max))
    #expect(aligner.take(sample(1, at: 1), from: "stranger", at: 2000 * ms)?.kind == .unknown)
    let after = try aligner.align(at: 2000 * ms)
    #expect(after.samples.mapValues(\.sequence) == before.samples.mapValues(\.sequence))
  }

  @Test func `a source that was started anew is missing until it publishes`() {
    let ms = Self.millisecond
    var aligner = three(until: 2000)
    aligner.forget("front")
    #expect(faults(aligner, at: 2000 * ms) == [TopicFault("front", .missing)])
    #expect(aligner.take(sample(1, at: 1999 * ms), from: "front", at: 2000 * ms) == nil)
    #expect(faults(aligner, at: 2000 * ms) == [])
  }

  // MARK: Properties

  /// Random sources with jitter, gaps and standstills.
  private struct World {
    var sources: [TopicSource] = []
    var events: [(time: UInt64, source: String, sample: TopicSample<Int>)] = []
    let maximumSkew: UInt64

    init(_ generator: inout SeededGenerator) {
      maximumSkew = UInt64.random(in: 5...80, using: &generator) * millisecond
      for place in 0..<Int.random(in: 1...5, using: &generator) {
        let name = "s\(place)"
        sources.append(
          TopicSource(
            name, maximumAge: UInt64.random(in: 10...200, using: &generator) * millisecond,
            frozenAfter: Bool.random(using: &generator)
              ? UInt64.random(in: 50...300, using: &generator) * millisecond : nil))
        var time = UInt64.random(in: 1...50, using: &generator) * millisecond
        var fingerprint: UInt64 = 0
        for sequence in 1...UInt64.random(in: 1...60, using: &generator) {
          if Int.random(in: 0..<3, using: &generator) > 0 { fingerprint += 1 }
          events.append(
            (
              time + UInt64.random(in: 0...3, using: &generator) * millisecond, name,
              TopicSample(sequence: sequence, capturedAt: time, fingerprint: fingerprint, content: Int(sequence))
            ))
          time += UInt64.random(in: 4...60, using: &generator) * millisecond
        }
      }
    }
  }

  @Test func `an alignment keeps every promise, and without one every fault is true`() throws {
    var generator = SeededGenerator(seed: 19)
    var whole = 0, refused = 0
    for _ in 0..<400 {
      let world = World(&generator)
      var aligner = Aligner(world.sources, maximumSkew: world.maximumSkew)
      var seen: [String: [TopicSample<Int>]] = [:]
      for event in world.events.sorted(by: { $0.time < $1.time }) {
        if aligner.take(event.sample, from: event.source, at: event.time) == nil {
          seen[event.source, default: []].append(event.sample)
        }
        let now = event.time + UInt64.random(in: 0...40, using: &generator) * Self.millisecond
        do throws(TopicFaults) {
          let aligned = try aligner.align(at: now)
          whole += 1
          #expect(aligned.samples.count == world.sources.count && aligned.skew <= world.maximumSkew)
          for source in world.sources {
            let all = seen[source.name], chosen = aligned.samples[source.name]
            guard let newest = all?.last, let chosen else { throw TopicFaults(faults: []) }
            #expect(now - min(now, newest.capturedAt) <= source.maximumAge)
            #expect(newest.capturedAt >= aligned.moment)
            // No sample that is kept is nearer to the moment.
            let apart = { (time: UInt64) in time > aligned.moment ? time - aligned.moment : aligned.moment - time }
            #expect(all?.suffix(Aligner.depth).allSatisfy { apart($0.capturedAt) >= apart(chosen.capturedAt) } == true)
          }
          let oldest = aligned.samples.values.map(\.capturedAt).min() ?? 0
          #expect(aligned.age == now - min(now, oldest))
        } catch {
          refused += 1
          #expect(!error.faults.isEmpty)
          for fault in error.faults {
            let source = try #require(world.sources.first { $0.name == fault.source })
            let newest = seen[fault.source]?.last?.capturedAt
            switch fault.kind {
            case .missing: #expect(newest == nil)
            case .late(let excess): #expect(newest.map { now - $0 == source.maximumAge + excess && excess > 0 } == true)
            case .frozen(let excess): #expect(source.frozenAfter != nil && excess > 0)
            case .apart(let excess): #expect(excess > 0)
            case .ahead, .backwards, .unknown, .doubled, .unreadable: Issue.record("\(fault)")
            }
          }
        }
      }
    }
    #expect(whole > 500 && refused > 500, "\(whole) and \(refused): the worlds are one-sided")
  }

  @Test func `how the sources' samples interleave on the way changes nothing`() {
    var generator = SeededGenerator(seed: 20)
    for _ in 0..<200 {
      let world = World(&generator)
      let end = (world.events.map(\.time).max() ?? 0) + Self.millisecond
      var one = Aligner(world.sources, maximumSkew: world.maximumSkew), other = one
      for event in world.events.sorted(by: { $0.time < $1.time }) {
        one.take(event.sample, from: event.source, at: end)
      }
      // A source after the other.
      for event in world.events { other.take(event.sample, from: event.source, at: end) }
      #expect(faults(one, at: end) == faults(other, at: end))
      #expect(
        (try? one.align(at: end))?.samples.mapValues(\.sequence)
          == (try? other.align(at: end))?.samples.mapValues(\.sequence))
    }
  }
}
