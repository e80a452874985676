#pragma once

#include <map>
#include <string>
#include <string_view>

namespace rgrid::hetzner_sim {

/// The files among `write_files` of a cloud-config as RGrid writes it, by their paths: those whose text is a block.
[[nodiscard]] std::map<std::string, std::string> written_files(std::string_view user_data);

/// The variables of a file of lines NAME="VALUE".
[[nodiscard]] std::map<std::string, std::string> assignments_of(std::string_view text);

}  // namespace rgrid::hetzner_sim
