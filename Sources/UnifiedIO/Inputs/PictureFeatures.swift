import Tensors

/// Where the input encoders take the features of pictures and spectrograms from: kept from before, computed together with others of
/// the same call, or computed now.
struct PictureFeatures {
  /// What is kept for later; `nil` to compute everything now.
  let cache: EncodingCache?
  private var together: [EncodingCache.Key: VisionTransformer.Features] = [:]

  /// Rows that go through a vision transformer together at most: more would gain nothing and take memory.
  private static let rowLimit = 1024

  init(cache: EncodingCache?) { self.cache = cache }

  /// One picture that has to be encoded.
  struct Request {
    let kept: KeptPatches
    let positions: PatchPositions
    let vision: VisionTransformer

    var key: EncodingCache.Key { kept.key(.features(positions.grid, isImage: vision.kind.isImage)) }

    /// Whether its rows are many, which gives each of them the same bits in any company.
    fileprivate var isMany: Bool { kept.positions.count > Linear.fewRows }

    fileprivate var picture: VisionTransformer.Picture {
      VisionTransformer.Picture(patches: kept.patches, positions: positions.table.gatheringRows(kept.positions))
    }
  }

  /// Computes features of one transformer's pictures together, unless they are few or kept.
  mutating func prepare(_ requests: [Request]) {
    var missing: [(key: EncodingCache.Key, request: Request)] = []
    for request in requests where request.isMany {
      let key = request.key
      if cache?.has(key) != true, !missing.contains(where: { $0.key == key }) { missing.append((key, request)) }
    }
    guard missing.count > 1 else { return }
    var rest = missing[...]
    while let vision = rest.first?.request.vision {
      var rows = 0
      let group = rest.prefix { member in
        rows += member.request.kept.positions.count
        return rows <= Self.rowLimit
      }
      let members = group.isEmpty ? rest.prefix(1) : group
      for (member, features) in zip(members, vision(members.map(\.request.picture))) { together[member.key] = features }
      rest = rest.dropFirst(members.count)
    }
  }

  /// The features of a picture.
  func callAsFunction(_ request: Request) throws(ModelError) -> VisionTransformer.Features {
    let key = request.key
    func made() -> VisionTransformer.Features { together[key] ?? request.vision([request.picture])[0] }
    guard let cache else { return made() }
    let tensors = try cache(key) {
      let made = made()
      return [made.last, made.second]
    }
    return VisionTransformer.Features(last: tensors[0], second: tensors[1])
  }
}
