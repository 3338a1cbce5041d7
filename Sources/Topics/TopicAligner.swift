/// Puts together what several sources have said at their own times: for a moment that all of them have seen, the sample of each that is
/// nearest to it. A value: it knows neither sockets nor clocks.
///
/// It fails closed. As long as one source is missing, late, frozen or out of step there is nothing but the names of those at fault and by how
/// much; a sample that is not believed takes nobody's place.
///
/// - Complexity: O(sources · kept samples) for an alignment, whatever came before.
public struct TopicAligner<Content: Sendable>: Sendable {
  /// Samples of each source that are kept, about: as far apart as that takes, so that a fast source is remembered for as long as a slow one.
  public static var depth: Int { 128 }
  /// Nanoseconds by which a sample may seem to come before it was captured: what reading two clocks takes.
  public static var clockTolerance: UInt64 { 5_000_000 }

  /// One sample of each source, of about the same moment.
  public struct Aligned: Sendable {
    /// Nanoseconds: what all have seen.
    public var moment: UInt64
    /// By source.
    public var samples: [String: TopicSample<Content>]
    /// Nanoseconds from the oldest sample's capture to now.
    public var age: UInt64
    /// Nanoseconds between the oldest and the newest of the samples.
    public var skew: UInt64
  }

  private struct Track: Sendable {
    var source: TopicSource
    /// In the order of their capture.
    var samples: [TopicSample<Content>] = []
    /// When its contents were last seen to change.
    var changedAt: UInt64 = 0

    /// Adds the newest sample, and lets go of what is too old, or too near to the one before it.
    mutating func keep(_ sample: TopicSample<Content>, memory: UInt64, spacing: UInt64) {
      let count = samples.count
      if count > 1, sample.capturedAt - samples[count - 2].capturedAt < spacing { samples.removeLast() }
      samples.append(sample)
      let old = samples.prefix { sample.capturedAt - $0.capturedAt > memory }.count
      samples.removeFirst(old)
    }
  }

  private var tracks: [String: Track]
  private let names: [String]
  private let maximumSkew: UInt64
  /// Nanoseconds before its newest sample for which a source's samples are kept: as old as the newest of any other may be.
  private let memory: UInt64
  /// Nanoseconds between samples that are kept, at least, but for the newest.
  private let spacing: UInt64

  /// - Parameters:
  ///   - sources: each with a name of its own; of two with one name the later counts.
  ///   - maximumSkew: nanoseconds between the captures of samples that are put together.
  public init(_ sources: [TopicSource], maximumSkew: UInt64) {
    tracks = Dictionary(sources.map { ($0.name, Track(source: $0)) }, uniquingKeysWith: { $1 })
    names = tracks.keys.sorted()
    self.maximumSkew = maximumSkew
    let (memory, isLonger) = (sources.map(\.maximumAge).max() ?? 0).addingReportingOverflow(maximumSkew)
    self.memory = isLonger ? .max : memory
    spacing = self.memory / UInt64(Self.depth)
  }

  /// Takes in a sample.
  ///
  /// - Parameters:
  ///   - sample: of `source`.
  ///   - now: nanoseconds on the machine's monotonic clock.
  /// - Returns: why it is not believed; `nil`: it is.
  @discardableResult
  public mutating func take(_ sample: TopicSample<Content>, from source: String, at now: UInt64) -> TopicFault? {
    guard var track = tracks[source] else { return TopicFault(source, .unknown) }
    guard sample.capturedAt <= now || sample.capturedAt - now <= Self.clockTolerance else {
      return TopicFault(source, .ahead(by: sample.capturedAt - now))
    }
    if let last = track.samples.last {
      guard sample.capturedAt > last.capturedAt, sample.sequence > last.sequence else {
        return TopicFault(source, .backwards)
      }
      if sample.fingerprint != last.fingerprint { track.changedAt = sample.capturedAt }
    } else {
      track.changedAt = sample.capturedAt
    }
    track.keep(sample, memory: memory, spacing: spacing)
    tracks[source] = track
    return nil
  }

  /// Nanoseconds on the machine's monotonic clock: when the first of the sources will be late if none says anything more; `nil`: one has
  /// said nothing yet.
  public var nextLimit: UInt64? {
    var next = UInt64.max
    for track in tracks.values {
      guard let newest = track.samples.last else { return nil }
      let (limit, isLater) = newest.capturedAt.addingReportingOverflow(track.source.maximumAge)
      next = min(next, isLater ? .max : limit)
    }
    return tracks.isEmpty ? nil : next
  }

  /// A source has begun anew, as after a restart: its numbers may begin again, and it is missing until it publishes.
  public mutating func forget(_ source: String) {
    guard let track = tracks[source] else { return }
    tracks[source] = Track(source: track.source)
  }

  /// What all sources have seen, or who keeps it from being known.
  ///
  /// - Parameter now: nanoseconds on the machine's monotonic clock.
  /// - Throws: ``TopicFaults`` of every source at fault, in the order of their names.
  public func align(at now: UInt64) throws(TopicFaults) -> Aligned {
    var faults: [TopicFault] = []
    var moment = UInt64.max
    for track in names.compactMap({ tracks[$0] }) {
      let source = track.source
      guard let newest = track.samples.last else {
        faults.append(TopicFault(source.name, .missing))
        continue
      }
      moment = min(moment, newest.capturedAt)
      let age = now - min(now, newest.capturedAt)
      if age > source.maximumAge { faults.append(TopicFault(source.name, .late(by: age - source.maximumAge))) }
      if let limit = source.frozenAfter, newest.capturedAt - track.changedAt > limit {
        faults.append(TopicFault(source.name, .frozen(by: newest.capturedAt - track.changedAt - limit)))
      }
    }
    guard faults.isEmpty, !names.isEmpty else { throw TopicFaults(faults: faults) }

    var samples: [String: TopicSample<Content>] = [:]
    for (name, track) in tracks {
      samples[name] = track.samples.min { distance($0.capturedAt, moment) < distance($1.capturedAt, moment) }
    }
    for name in names {
      guard let sample = samples[name] else { continue }
      let apart = distance(sample.capturedAt, moment)
      if apart > maximumSkew { faults.append(TopicFault(name, .apart(by: apart - maximumSkew))) }
    }
    let times = samples.values.map(\.capturedAt)
    let oldest = times.min() ?? 0, skew = (times.max() ?? 0) - oldest
    if faults.isEmpty, skew > maximumSkew {
      // Each is near enough to the moment, but not to one another: the one that is farthest from it is named.
      let farthest = names.max {
        distance(samples[$0]?.capturedAt ?? moment, moment) < distance(samples[$1]?.capturedAt ?? moment, moment)
      }
      faults.append(TopicFault(farthest ?? "", .apart(by: skew - maximumSkew)))
    }
    guard faults.isEmpty else { throw TopicFaults(faults: faults) }
    return Aligned(moment: moment, samples: samples, age: now - min(now, oldest), skew: skew)
  }

  private func distance(_ a: UInt64, _ b: UInt64) -> UInt64 { a > b ? a - b : b - a }
}

/// Every source that is at fault, and by how much.
public struct TopicFaults: Error, Sendable, Hashable, CustomStringConvertible {
  /// In the order of their names; empty where there are no sources at all.
  public var faults: [TopicFault]

  /// Collects the parts.
  public init(faults: [TopicFault]) { self.faults = faults }

  /// One line for people.
  public var description: String {
    faults.isEmpty ? "there are no sources" : faults.map(\.description).joined(separator: "; ")
  }
}
