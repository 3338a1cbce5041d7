import ArgumentParser
import RobotInterface
import TopicsWire

/// Where `uio2 serve` listens.
extension Serve {
  /// What the options name.
  var named: [ListenAddress] {
    get throws {
      var addresses = try bind.map { [try ListenAddress(bound: $0)] } ?? []
      for text in listen { addresses.append(try ListenAddress(text, option: "--listen")) }
      if addresses.isEmpty, listenFile == nil {
        addresses.append(try ListenAddress(bound: Endpoint.standard.description))
      }
      return addresses
    }
  }

  /// All addresses. The file is read once, when everything else is known to be right.
  var addresses: [ListenAddress] {
    get throws {
      let addresses = try named + (listenFile.map { try ListenFile(path: $0).addresses } ?? [])
      try check(addresses)
      guard addresses.contains(where: \.servesRobots) else {
        throw ValidationError(
          "--listen: http:// and console:// alone serve no robot and nobody who asks; add an address for them.")
      }
      return addresses
    }
  }

  /// Makes sure that they go together, and with the other options.
  ///
  /// - Throws: `ValidationError` with the option at fault.
  func check(_ addresses: [ListenAddress]) throws {
    if addresses.count(where: \.isConsole) > 1 {
      throw ValidationError("--listen: a daemon has one console:// at most.")
    }
    var seen: Set<Endpoint> = []
    for address in addresses where !seen.insert(address.endpoint).inserted && !address.endpoint.picksPort {
      throw ValidationError("\(address.option): \(address.endpoint) is listened at already; give each address once.")
    }
    try checkTopics(addresses)
    guard keys == nil else { return }
    for address in addresses where !address.endpoint.isLocal {
      guard insecure else {
        throw ValidationError(
          "\(address.option): other machines can reach \(address.text), and nobody is authenticated there; "
            + "name a folder of keys with --keys, or add --insecure if that is meant.")
      }
      guard operatorFile == nil || !address.carriesTokens else {
        throw ValidationError(
          "--operator needs a loopback or ipc address: its token would cross the network of \(address.text).")
      }
    }
  }

  private func checkTopics(_ addresses: [ListenAddress]) throws {
    var sessions: Set<String> = []
    for address in addresses {
      guard let topics = address.naming.topics else { continue }
      guard keys == nil else {
        throw ValidationError(
          "\(address.option): nobody is authenticated at topics://, so it goes with no --keys; serve it with a daemon of its own."
        )
      }
      guard address.endpoint.isLocal else {
        throw ValidationError(
          "\(address.option): topics:// is for an arm of this machine; expected 127.0.0.1, [::1] or localhost.")
      }
      guard model == nil else {
        throw ValidationError("\(address.option): topics:// is for a robot; --model serves none.")
      }
      guard sessions.insert(topics.session).inserted else {
        throw ValidationError(
          "\(address.option): the session “\(topics.session)” is another arm's; name a session for each.")
      }
    }
  }
}
