import Foundation

/// Consecutive location tokens of an answer, with the words around them.
package struct LocationRun: Sendable, Hashable {
  /// Places of the tokens in the answer.
  package var places: Range<Int>
  /// What the tokens stand for, each in 0...1.
  package var values: [Float]
  /// Tokens between the run before (or the beginning) and this one.
  package var wordsBefore: ArraySlice<Int32>
  /// Tokens up to the next run, or the end.
  package var wordsAfter: ArraySlice<Int32>
}

extension Tokenizer {
  /// The runs of location tokens in `tokens`, up to the first EOS.
  package func locationRuns(in tokens: [Int32]) -> [LocationRun] {
    let said = tokens.prefix { $0 != Tokenizer.eos }
    var runs: [LocationRun] = []
    var place = said.startIndex, wordsStart = said.startIndex
    while place < said.endIndex {
      let start = place
      var values: [Float] = []
      while place < said.endIndex, let value = locationValue(of: said[place]) {
        values.append(value)
        place += 1
      }
      if values.isEmpty {
        place += 1
        continue
      }
      if let last = runs.indices.last { runs[last].wordsAfter = said[wordsStart..<start] }
      runs.append(
        LocationRun(
          places: start..<place, values: values, wordsBefore: said[wordsStart..<start],
          wordsAfter: said[place..<said.endIndex]))
      wordsStart = place
    }
    return runs
  }

  /// Locations followed by a label, as the reference reads them with `<extra_id_…> … ([a-z ]+)`: the last `count` locations of a
  /// run, one space, small letters and spaces. What looks otherwise is passed over.
  ///
  /// The places are those of the `count` locations; the label comes without the spaces around it.
  package func labelledLocations(in tokens: [Int32], count: Int) -> [(run: LocationRun, label: String)] {
    locationRuns(in: tokens).compactMap { run in
      guard run.values.count >= count else { return nil }
      // Decoded behind a location, so that the space before the label is seen.
      let text = decode([tokens[run.places.upperBound - 1]] + run.wordsAfter).unicodeScalars
      guard let end = text.firstIndex(of: ">") else { return nil }
      let rest = text[text.index(after: end)...]
      let letters = rest.dropFirst().prefix { ("a"..."z").contains($0) || $0 == " " }
      guard rest.first == " ", !letters.isEmpty else { return nil }
      let label = String(String.UnicodeScalarView(letters)).split(separator: " ").joined(separator: " ")
      var kept = run
      kept.places = run.places.upperBound - count..<run.places.upperBound
      kept.values = run.values.suffix(count)
      return (kept, label)
    }
  }
}

extension TextGeneration {
  /// The geometric mean of the probabilities of some tokens; the answer's confidence where single ones are not known.
  func score(of places: Range<Int>) -> Double {
    guard !places.isEmpty, probabilities.indices.contains(places.lowerBound),
      places.upperBound <= probabilities.count
    else { return confidence }
    let sum = probabilities[places].reduce(0) { $0 + log(max($1, .leastNormalMagnitude)) }
    return exp(sum / Double(places.count))
  }
}
