"""The table of networks: shapes, cost, names that checkpoints rely on."""

import pytest
import torch

from facekit.errors import UsageError
from facekit.training import config, networks


def test_the_command_line_offers_what_there_is() -> None:
    assert tuple(networks.NETWORKS) == config.NETWORKS


@pytest.mark.parametrize("name", networks.NETWORKS)
@pytest.mark.parametrize("side", [64, 112])
def test_every_network_gives_vectors_at_any_size(name: str, side: int) -> None:
    with torch.device("meta"):
        network = networks.create(name).eval()
        vectors = network(torch.zeros(3, 3, side, side))
    assert vectors.shape == (3, networks.NETWORKS[name].dimension)


@pytest.mark.parametrize(
    ("name", "millions", "gmac"),
    [
        ("resnet18", 11.24, 1.481),
        ("resnet18-narrow", 6.29, 0.800),
        ("resnet18-torchvision", 11.44, 0.485),
        ("iresnet18", 24.03, 2.610),
        ("iresnet50", 43.59, 6.309),
        ("resnet101", 43.55, 2.005),
    ],
)
def test_cost_is_what_the_literature_and_our_own_table_say(name: str, millions: float, gmac: float) -> None:
    """insightface publishes 24.03 M and 43.59 M parameters for its two, and 2.62 and 6.33 GFLOPs."""
    found = {row[0]: row[2] for row in networks.listing()}[name]
    assert found.parameters / 1e6 == pytest.approx(millions, abs=0.01)
    assert found.macs / 1e9 == pytest.approx(gmac, abs=0.001)
    assert found.megabytes == pytest.approx(4 * millions, abs=0.04)


def test_macs_of_a_convolution_counted_by_hand() -> None:
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3, 2, 1),
        torch.nn.Conv2d(4, 4, 3, 1, 1, groups=4),
        torch.nn.Flatten(),
        torch.nn.Linear(64, 5),
    )
    assert networks.cost(network, side=8).macs == 16 * 4 * 27 + 16 * 4 * 9 + 64 * 5
    assert network.training


def test_names_of_the_default_network_stay() -> None:
    """Checkpoints and runs that go on with them depend on these."""
    with torch.device("meta"):
        state = networks.create("resnet18").state_dict()
    shapes = {name: tuple(value.shape) for name, value in state.items()}
    assert shapes["stem.0.weight"] == (48, 3, 3, 3)
    assert shapes["stages.2.shortcut.0.weight"] == (128, 48, 1, 1)
    assert shapes["stages.7.second.1.running_var"] == (512,)
    assert shapes["pool.0.weight"] == (512, 1, 7, 7)
    assert shapes["embed.weight"] == (256, 512)
    assert len(shapes) == 128


def test_names_of_insightface_s_networks_are_theirs() -> None:
    with torch.device("meta"):
        names = networks.create("iresnet18").state_dict().keys()
    assert {
        "conv1.weight",
        "layer1.0.bn1.weight",
        "layer1.0.prelu.weight",
        "layer1.0.downsample.0.weight",
    } <= names
    assert {"bn2.weight", "fc.weight", "features.running_mean"} <= names


def test_the_global_layer_is_a_mean_at_first_at_any_size() -> None:
    layer = networks.GlobalDepthwise(2)
    maps = torch.rand(1, 2, 4, 4)
    assert torch.allclose(layer(maps), maps.mean((2, 3), keepdim=True), atol=1e-6)
    maps = torch.rand(1, 2, 7, 7)
    assert torch.allclose(layer(maps), maps.mean((2, 3), keepdim=True), atol=1e-6)


@pytest.mark.parametrize("inputs", [2, 4, 7, 10, 14])
def test_averaging_is_adaptive_pooling(inputs: int) -> None:
    maps = torch.randn(2, 3, inputs, inputs + 1)
    rows, columns = networks.averaging(inputs, 7), networks.averaging(inputs + 1, 7)
    wanted = torch.nn.functional.adaptive_avg_pool2d(maps, 7)
    assert rows @ maps @ columns.T == pytest.approx(wanted, abs=1e-6)


def test_an_unknown_network_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="iresnet50"):
        networks.create("resnet19")
