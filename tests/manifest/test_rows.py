"""The types of the manifest's rows."""

from deepcrop.manifest.rows import ImageRow, VariantRow
from deepcrop.schema import IMAGES, VARIANT


def test_rows_have_the_columns_of_the_manifest_in_their_order():
    assert list(ImageRow.__annotations__) == IMAGES.names
    assert list(VariantRow.__annotations__) == [field.name for field in VARIANT]
