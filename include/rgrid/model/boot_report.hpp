#pragma once

#include <algorithm>
#include <boost/describe/class.hpp>
#include <rgrid/base/text.hpp>
#include <rgrid/base/time.hpp>
#include <string>
#include <string_view>
#include <utility>

namespace rgrid {

/// What a server's boot script last told of itself before its worker registered.
struct BootReport {
    std::string stage;   ///< "installing"; empty if it named none.
    std::string failed;  ///< The step that failed; empty as long as none has.
    std::string text;    ///< The end of its log, at most `boot_text_limit` bytes.
    Duration age{0};     ///< Since it was stored, by the store's clock.

    friend bool operator==(BootReport const&, BootReport const&) = default;
};
BOOST_DESCRIBE_STRUCT(BootReport, (), (stage, failed, text, age))

/// How much is kept of what a server tells while it boots: of its log the end, of names the beginning.
inline constexpr std::size_t boot_text_limit = 4096;
inline constexpr std::size_t boot_name_limit = 300;

namespace detail {

/// Text that JSON can hold: bytes that are no UTF-8 become "?".
[[nodiscard]] inline std::string as_utf8(std::string_view text) {
    std::string shown;
    while (!text.empty()) {
        auto const length = character_length(text);
        shown += length > 0 ? text.substr(0, length) : std::string_view{"?"};
        text.remove_prefix(length > 0 ? length : 1);
    }
    return shown;
}

/// The end of a text, from the beginning of a character on.
[[nodiscard]] inline std::string_view end_of(std::string_view text, std::size_t most) {
    if (text.size() <= most) return text;
    text.remove_prefix(text.size() - most);
    while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xC0U) == 0x80U) text.remove_prefix(1);
    return text;
}

}  // namespace detail

/// The report as every store keeps it, whatever a server says of itself.
[[nodiscard]] inline BootReport bounded(BootReport report) {
    auto const name = [](std::string const& said) { return printable(said.substr(0, boot_name_limit)); };
    report.stage = name(report.stage);
    report.failed = name(report.failed);
    report.text = detail::end_of(detail::as_utf8(report.text), boot_text_limit);
    return report;
}

/// Reads what a boot script sent: a first line "rgrid-boot: stage=STAGE", "rgrid-boot: stage=failed WHERE AND WHY" or
/// "rgrid-boot: failed=WHERE AND WHY", then its log. Without such a line all of it is log.
[[nodiscard]] inline BootReport read_boot_report(std::string_view sent) {
    BootReport report;
    constexpr std::string_view mark = "rgrid-boot: ";
    if (sent.starts_with(mark)) {
        auto const end = std::min(sent.find('\n'), sent.size());
        auto word = sent.substr(mark.size(), end - mark.size());
        if (word.ends_with('\r')) word.remove_suffix(1);
        bool const known = word.starts_with("stage=") || word.starts_with("failed=");
        if (known) sent.remove_prefix(std::min(end + 1, sent.size()));
        // A failure without a name is one all the same.
        constexpr std::string_view nameless = "an unknown step";
        auto const name_of = [&](std::string_view name) {
            name.remove_prefix(std::min(name.find_first_not_of(' '), name.size()));
            return std::string{name.empty() ? nameless : name};
        };
        constexpr std::string_view failed_stage = "stage=failed";
        if (word == failed_stage || word.starts_with(std::string{failed_stage} + " "))
            report.failed = name_of(word.substr(failed_stage.size()));
        else if (word.starts_with("stage="))
            report.stage = word.substr(word.find('=') + 1);
        else if (known)
            report.failed = name_of(word.substr(word.find('=') + 1));
    }
    report.text = sent;
    return bounded(std::move(report));
}

}  // namespace rgrid
