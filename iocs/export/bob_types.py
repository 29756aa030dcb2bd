"""The widgets of Phoebus: type, file version, default size, and the properties that each may have.

Phoebus skips a property it does not know without a word, so a misspelt one is found here or never.
Source: the widget model of Phoebus 5.0.5 (``Widget.getProperties()``, those of the run time left
out).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

DISPLAY_VERSION = "2.0.0"
COMMON = ("x", "y", "width", "height", "visible", "tooltip", "actions", "rules")
"""What every widget has beside its name; scripts are left out on purpose."""

PV_COMMON = ("pv_name", "border_alarm_sensitive")
WRITING = (
    "bool_button", "checkbox", "choice", "combo", "radio", "scaledslider", "scrollbar",
    "slide_button", "spinner", "textentry", "thumbwheel",
)  # fmt: skip
"""Types that write to the PV they show."""


@dataclass(frozen=True)
class WidgetType:
    """One type of widget; `own` are its properties beside the common ones, in words."""

    name: str
    version: str
    width: int
    height: int
    pv: bool
    own: str

    @cached_property
    def properties(self) -> tuple[str, ...]:
        """Every property that the type may have, in the order in which it is written."""
        return (*(PV_COMMON if self.pv else ()), *self.own.split(), *COMMON)


_ALL = (
    WidgetType("3dviewer", "2.0.0", 600, 600, False,
        "file"),
    WidgetType("action_button", "3.0.0", 100, 30, True,
        "text font foreground_color background_color transparent horizontal_alignment "
        "vertical_alignment rotation_step enabled show_confirm_dialog confirm_message "
        "password"),
    WidgetType("arc", "2.0.0", 100, 100, False,
        "macros start_angle total_angle line_width line_color line_style background_color "
        "transparent"),
    WidgetType("array", "2.0.0", 100, 300, True,
        "macros foreground_color background_color"),
    WidgetType("bool_button", "2.0.0", 100, 30, True,
        "bit off_label off_color off_image on_label on_color on_image show_led font "
        "foreground_color background_color horizontal_alignment vertical_alignment "
        "labels_from_pv enabled mode show_confirm_dialog confirm_message password"),
    WidgetType("byte_monitor", "2.0.0", 160, 20, True,
        "startBit numBits bitReverse horizontal square off_color on_color foreground_color "
        "font labels"),
    WidgetType("checkbox", "2.0.0", 100, 20, True,
        "bit label font foreground_color auto_size enabled show_confirm_dialog "
        "confirm_message password"),
    WidgetType("choice", "2.0.0", 100, 43, True,
        "font foreground_color background_color selected_color horizontal_alignment "
        "vertical_alignment horizontal items items_from_pv enabled show_confirm_dialog "
        "confirm_message password"),
    WidgetType("clock", "2.0.0", 120, 120, False,
        "skin date_visible second_visible title title_visible background_color transparent "
        "discrete_hours discrete_minutes discrete_seconds locale shadows_enabled date_color "
        "hour_color hour_tick_mark_color hour_tick_mark_visible knob_color minute_color "
        "minute_tick_mark_color minute_tick_mark_visible ring_color ring_width second_color "
        "text_color text_visible tick_label_color tick_labels_visible title_color"),
    WidgetType("combo", "2.0.0", 100, 30, True,
        "font foreground_color background_color items items_from_pv editable enabled "
        "show_confirm_dialog confirm_message password"),
    WidgetType("databrowser", "2.0.0", 400, 300, False,
        "macros file show_toolbar selection_value_pv"),
    WidgetType("digital_clock", "2.0.0", 170, 90, False,
        "lcd_design lcd_font date_visible second_visible title title_visible locale "
        "shadows_enabled lcd_crystal_enabled"),
    WidgetType("ellipse", "2.0.0", 100, 50, False,
        "macros line_width line_color line_style background_color transparent"),
    WidgetType("embedded", "2.0.0", 400, 300, False,
        "macros file resize group_name transparent border_width border_color"),
    WidgetType("fileselector", "2.0.0", 40, 25, True,
        "component enabled"),
    WidgetType("group", "3.0.0", 300, 200, False,
        "macros style font foreground_color line_color background_color transparent"),
    WidgetType("image", "2.0.0", 400, 300, True,
        "background_color foreground_color show_toolbar color_map color_bar x_axis y_axis "
        "limits_from_pv data_width data_height interpolation color_mode unsigned autoscale "
        "log_scale minimum maximum cursor_info_pv x_pv y_pv cursor_crosshair rois"),
    WidgetType("label", "2.0.0", 100, 20, False,
        "macros text font foreground_color background_color transparent horizontal_alignment "
        "vertical_alignment rotation_step auto_size wrap_words border_width border_color"),
    WidgetType("led", "2.0.0", 20, 20, True,
        "bit off_label off_color on_label on_color font foreground_color line_color square "
        "labels_from_pv"),
    WidgetType("linearmeter", "3.0.0", 240, 120, True,
        "display_mode logScale font format precision show_units scale_visible show_limits "
        "show_warnings displayHorizontal knob_size needle_width colors limits_from_pv minimum "
        "maximum level_lolo level_low level_high level_hihi min_max_tolerance"),
    WidgetType("meter", "3.0.0", 240, 120, True,
        "foreground_color background_color font format precision show_value show_units "
        "show_limits log_scale limits_from_pv minimum maximum needle_color knob_color"),
    WidgetType("multi_state_led", "2.0.0", 20, 20, True,
        "font foreground_color line_color square states fallback_label fallback_color"),
    WidgetType("navtabs", "2.0.0", 500, 300, False,
        "tabs direction tab_width tab_height tab_spacing enable_per_tab_colors selected_color "
        "deselected_color font active_tab"),
    WidgetType("picture", "2.0.0", 150, 100, False,
        "macros file stretch_image rotation opacity"),
    WidgetType("polygon", "2.0.0", 100, 20, False,
        "macros points line_width line_color line_style background_color transparent"),
    WidgetType("polyline", "2.0.0", 100, 20, False,
        "macros points line_width line_color line_style arrows arrow_length"),
    WidgetType("progressbar", "2.0.0", 100, 20, True,
        "fill_color background_color horizontal limits_from_pv minimum maximum log_scale"),
    WidgetType("radio", "2.0.0", 100, 60, True,
        "font foreground_color horizontal items items_from_pv enabled show_confirm_dialog "
        "confirm_message password"),
    WidgetType("rectangle", "2.0.0", 100, 20, False,
        "macros line_width line_color line_style background_color transparent corner_width "
        "corner_height"),
    WidgetType("scaledslider", "2.0.0", 400, 55, True,
        "horizontal foreground_color background_color transparent font show_scale "
        "show_minor_ticks major_tick_step_hint scale_format level_hihi level_high level_low "
        "level_lolo show_hihi show_high show_low show_lolo increment minimum maximum "
        "limits_from_pv enabled"),
    WidgetType("scrollbar", "2.0.0", 100, 20, True,
        "horizontal show_value_tip minimum maximum limits_from_pv bar_length increment "
        "enabled"),
    WidgetType("slide_button", "2.0.0", 100, 30, True,
        "bit label off_color on_color font foreground_color auto_size enabled "
        "show_confirm_dialog confirm_message password"),
    WidgetType("spinner", "2.0.0", 100, 20, True,
        "font format precision show_units foreground_color background_color buttons_on_left "
        "horizontal_alignment vertical_alignment minimum maximum limits_from_pv increment "
        "enabled"),
    WidgetType("stripchart", "2.1.0", 400, 300, False,
        "foreground_color background_color show_grid title title_font label_font scale_font "
        "show_toolbar show_legend start end y_axes traces"),
    WidgetType("symbol", "2.0.0", 100, 100, True,
        "symbols background_color initial_index rotation show_index transparent "
        "disconnect_overlay_color run_actions_on_mouse_click array_index auto_size enabled "
        "preserve_ratio fallback_symbol"),
    WidgetType("table", "2.0.0", 500, 300, True,
        "font foreground_color background_color show_toolbar columns editable "
        "row_selection_mode selection_pv"),
    WidgetType("tabs", "2.0.0", 400, 300, False,
        "macros tabs font background_color active_tab direction tab_height"),
    WidgetType("tank", "2.0.0", 150, 200, True,
        "format precision show_alarm_limits minor_alarm_color major_alarm_color font "
        "foreground_color background_color fill_color empty_color scale_visible "
        "opposite_scale_visible show_minor_ticks perpendicular_tick_labels horizontal "
        "tank_border_width limits_from_pv minimum maximum alarm_limits_from_pv level_lolo "
        "level_low level_high level_hihi log_scale"),
    WidgetType("template", "2.0.0", 400, 300, False,
        "file instances horizontal gap wrap_count transparent"),
    WidgetType("text-symbol", "2.0.0", 32, 32, True,
        "symbols font foreground_color background_color transparent horizontal_alignment "
        "vertical_alignment rotation_step wrap_words array_index enabled"),
    WidgetType("textentry", "3.0.0", 100, 20, True,
        "font foreground_color background_color format precision show_units "
        "horizontal_alignment vertical_alignment wrap_words multi_line enabled border_width "
        "border_color"),
    WidgetType("textupdate", "2.0.0", 100, 20, True,
        "font foreground_color background_color transparent format precision show_units "
        "horizontal_alignment vertical_alignment wrap_words rotation_step interactive "
        "border_width border_color"),
    WidgetType("thermometer", "2.0.0", 40, 160, True,
        "fill_color limits_from_pv minimum maximum"),
    WidgetType("thumbwheel", "2.0.0", 400, 100, True,
        "background_color foreground_color increment_color decrement_color invalid_color font "
        "decimal_digits integer_digits negative_numbers graphic_visible spinner_shaped "
        "enabled"),
    WidgetType("webbrowser", "2.0.0", 800, 600, False,
        "url show_toolbar"),
    WidgetType("xyplot", "3.0.0", 400, 300, False,
        "foreground_color background_color title title_font show_toolbar show_legend x_axis "
        "y_axes traces marker"),
)  # fmt: skip

TYPES = {widget.name: widget for widget in _ALL}
"""Every type by its name."""
